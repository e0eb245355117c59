//! Making a metric.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{
    MetricCommand, MetricId, MetricKey, UserId,
    metric::{self, MetricDefinition},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MetricView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new metric.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateMetric {
    /// Its key, unique in the project. It never changes.
    key: MetricKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Words to find it by.
    #[serde(default)]
    tags: BTreeSet<String>,
    /// Who looks after it.
    #[serde(default)]
    owner: Option<UserId>,
    /// What is computed.
    definition: MetricDefinition,
}

impl Payload for CreateMetric {}

/// Create a metric
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/metrics", operation_id = "create_metric",
    tag = "metrics", params(ProjectPath), request_body = CreateMetric,
    responses((status = 201, description = "Created", body = MetricView)),
)]
pub(crate) async fn create_metric(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateMetric>,
) -> Result<Answer<MetricView>, Problem> {
    let CreateMetric { key, name, description, tags, owner, definition } = body;
    let location = format!("/api/v1/orgs/{}/projects/{}/metrics/{key}", path.org, path.project);
    let project = path.project();
    let target = Target::new(path.org(), MetricId::of(project, &key));
    let new = metric::CreateMetric { project, key, name, description, tags, owner, definition };
    let command = MetricCommand::Create(new);
    let done = app.execute(&caller, path.project_scope(), target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}
