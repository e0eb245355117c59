//! Name, description, tags and owner of a metric.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_domain::{MetricCommand, UserId, metric::MetricDetails};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MetricView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::MetricPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMetric {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// All its tags from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    tags: Option<BTreeSet<String>>,
    /// Who looks after it from now on; null is nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<UserId>, required = false)]
    owner: Option<Option<UserId>>,
}

impl Payload for UpdateMetric {}

/// Change the details of a metric
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}",
    operation_id = "update_metric", tag = "metrics", params(MetricPath),
    request_body = UpdateMetric,
    responses((status = 200, description = "Changed", body = MetricView)),
)]
pub(crate) async fn update_metric(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MetricPath>,
    Change { body, intent }: Change<UpdateMetric>,
) -> Result<Answer<MetricView>, Problem> {
    let UpdateMetric { name, description, tags, owner } = body;
    let details = MetricDetails { name, description, tags, owner };
    let command = MetricCommand::ChangeDetails(details);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
