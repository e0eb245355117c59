//! Making an environment, with the salt that its buckets are computed with for ever.

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{EnvironmentCommand, EnvironmentId, EnvironmentKey};
use rand::{TryRngCore as _, rngs::OsRng};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EnvironmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new environment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateEnvironment {
    /// Its key, unique in the project. It never changes.
    key: EnvironmentKey,
    /// What people call it.
    name: String,
    /// Whether changes here touch real users, so that tools ask twice.
    #[serde(default)]
    production: bool,
}

impl Payload for CreateEnvironment {}

/// Create an environment
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/environments",
    operation_id = "create_environment", tag = "environments", params(ProjectPath),
    request_body = CreateEnvironment,
    responses((status = 201, description = "Created", body = EnvironmentView)),
)]
pub(crate) async fn create_environment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateEnvironment>,
) -> Result<Answer<EnvironmentView>, Problem> {
    let CreateEnvironment { key, name, production } = body;
    let location =
        format!("/api/v1/orgs/{}/projects/{}/environments/{key}", path.org, path.project);
    let (project, salt) = (path.project(), salt()?);
    let id = EnvironmentId::of(project, &key);
    let command = EnvironmentCommand::Create { project, key, name, production, salt };
    let scope = path.project_scope().in_environment(id.0);
    let done = app.execute(&caller, scope, Target::new(path.org(), id), command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}

/// 32 hexadecimal characters that nobody else has.
fn salt() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(hex::encode(bytes))
}
