//! Name, hypothesis, tags and owner of an experiment.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_domain::{ExperimentCommand, UserId, experiment::ExperimentDetails};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::ExperimentPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateExperiment {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// What is expected, and why.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    hypothesis: Option<String>,
    /// All its tags from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    tags: Option<BTreeSet<String>>,
    /// Who looks after it from now on; null is nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<UserId>, required = false)]
    owner: Option<Option<UserId>>,
}

impl Payload for UpdateExperiment {}

/// Change the details of an experiment
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}",
    operation_id = "update_experiment", tag = "experiments", params(ExperimentPath),
    request_body = UpdateExperiment,
    responses((status = 200, description = "Changed", body = ExperimentView)),
)]
pub(crate) async fn update_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { body, intent }: Change<UpdateExperiment>,
) -> Result<Answer<ExperimentView>, Problem> {
    let UpdateExperiment { name, hypothesis, tags, owner } = body;
    let details = ExperimentDetails { name, hypothesis, tags, owner };
    let command = ExperimentCommand::ChangeDetails(details);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
