//! Turning a flag on and off: the kill switch, so it is one call and needs no version.

use axum::extract::State;
use ff_domain::FlagCommand;

use super::FlagView;
use super::targeting::FlagEnvironmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::FlagEnvironmentPath;

/// Turn a flag on
///
/// From now on targeting decides who gets what in this environment.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}/on",
    operation_id = "turn_on_flag", tag = "flags", params(FlagEnvironmentPath),
    responses((status = 200, description = "It is on", body = FlagEnvironmentView)),
)]
pub(crate) async fn turn_on_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagEnvironmentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<FlagEnvironmentView>, Problem> {
    let command = FlagCommand::TurnOn { environment: path.environment.clone() };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Ok(Answer::<FlagView>::changed(done)?.map(|flag| flag.in_environment(path.environment)))
}

/// Turn a flag off
///
/// From now on everyone gets the off variation in this environment.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}/off",
    operation_id = "turn_off_flag", tag = "flags", params(FlagEnvironmentPath),
    responses((status = 200, description = "It is off", body = FlagEnvironmentView)),
)]
pub(crate) async fn turn_off_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagEnvironmentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<FlagEnvironmentView>, Problem> {
    let command = FlagCommand::TurnOff { environment: path.environment.clone() };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Ok(Answer::<FlagView>::changed(done)?.map(|flag| flag.in_environment(path.environment)))
}
