//! Making a flag.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{
    FlagCommand, FlagId, FlagKey, UserId,
    flag::{self, Initial, Lifetime},
};
use ff_evaluator::{ValueType, Variation};
use serde::Deserialize;
use utoipa::ToSchema;

use super::FlagView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new flag. It is off in every environment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFlag {
    /// Its key, unique in the project. It never changes.
    key: FlagKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// What the values of its variations are. It never changes.
    #[serde(rename = "type")]
    kind: ValueType,
    /// Whether it is meant to be removed one day; temporary if absent.
    #[serde(default)]
    lifetime: Lifetime,
    /// Who looks after it.
    #[serde(default)]
    owner: Option<UserId>,
    /// Words to find it by.
    #[serde(default)]
    tags: BTreeSet<String>,
    /// Whether client-side keys may see it.
    #[serde(default)]
    client_side: bool,
    /// The values it can have.
    #[schema(min_items = 1, max_items = 100)]
    variations: Vec<Variation>,
    /// What is served in an environment until someone says otherwise there.
    initial: Initial,
}

impl Payload for CreateFlag {}

/// Create a flag
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags", operation_id = "create_flag",
    tag = "flags", params(ProjectPath), request_body = CreateFlag,
    responses((status = 201, description = "Created", body = FlagView)),
)]
pub(crate) async fn create_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateFlag>,
) -> Result<Answer<FlagView>, Problem> {
    let project = path.project();
    let id = FlagId::of(project, &body.key);
    let location =
        format!("/api/v1/orgs/{}/projects/{}/flags/{}", path.org, path.project, body.key);
    let command = FlagCommand::Create(Box::new(flag::CreateFlag {
        project,
        key: body.key,
        name: body.name,
        description: body.description,
        kind: body.kind,
        lifetime: body.lifetime,
        owner: body.owner,
        tags: body.tags,
        client_side: body.client_side,
        variations: body.variations,
        initial: body.initial,
    }));
    let target = Target::new(path.org(), id);
    let done = app.execute(&caller, path.project_scope(), target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}
