//! What a metric computes.

use axum::extract::State;
use ff_domain::{MetricCommand, metric::MetricDefinition};

use super::MetricView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::MetricPath;

impl Payload for MetricDefinition {}

/// Say anew what a metric computes
///
/// `definition_version` goes up, and every result says which one it is of. The same definition changes nothing.
#[utoipa::path(
    put, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}/definition",
    operation_id = "replace_metric_definition", tag = "metrics", params(MetricPath),
    request_body = MetricDefinition,
    responses((status = 200, description = "Replaced", body = MetricView)),
)]
pub(crate) async fn replace_metric_definition(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MetricPath>,
    Change { body, intent }: Change<MetricDefinition>,
) -> Result<Answer<MetricView>, Problem> {
    let command = MetricCommand::Redefine(body);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
