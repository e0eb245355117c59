//! Who gets what in an environment.

use axum::extract::State;
use ff_auth::right;
use ff_domain::{
    EnvironmentKey, FlagCommand, FlagKey,
    flag::{FlagEnvironment, Targeting},
};
use ff_evaluator::ExperimentDefinition;
use ff_projections::ProjectionName;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FlagView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, May, Payload};
use crate::respond::{Answer, Stamp};
use crate::routes::paths::FlagEnvironmentPath;

/// A flag in an environment. Its version is the flag's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlagInEnvironment)]
pub(crate) struct FlagEnvironmentView {
    /// Key of the flag.
    flag: FlagKey,
    /// Key of the environment.
    environment: EnvironmentKey,
    /// Whether targeting is on; if not, the off variation is served.
    enabled: bool,
    /// Who gets what while it is on.
    targeting: Targeting,
    /// The experiment that is served there: it goes before the rules.
    experiment: Option<ExperimentDefinition>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl FlagView {
    pub(super) fn in_environment(self, environment: EnvironmentKey) -> FlagEnvironmentView {
        let FlagEnvironment { enabled, targeting, experiment, .. } =
            self.state.environment(&environment);
        let (flag, stamp) = (self.state.key, self.stamp);
        FlagEnvironmentView { flag, environment, enabled, targeting, experiment, stamp }
    }
}

impl Payload for Targeting {}

/// Get a flag in an environment
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}",
    operation_id = "get_flag_environment", tag = "flags", params(FlagEnvironmentPath),
    responses((status = 200, description = "The flag there", body = FlagEnvironmentView)),
)]
pub(crate) async fn get_flag_environment(
    State(app): State<App>,
    May { grant, path, .. }: May<right::FlagRead, FlagEnvironmentPath>,
) -> Result<Answer<FlagEnvironmentView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let environment = queries.environment(path.environment_id());
    let (environment, flag) = tokio::try_join!(environment, queries.flag(path.id()))?;
    let (Some(_), Some(flag)) = (environment, flag) else { return Err(Problem::not_found()) };
    let version = flag.version;
    let body = FlagView::from(flag).in_environment(path.environment);
    Ok(Answer::found(body, Some(version), position))
}

/// Say anew who gets what in an environment
///
/// A rule without an id is given one; send it along when you change the rule, so that it keeps its name in
/// evaluations.
#[utoipa::path(
    put,
    path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/environments/{environment}/targeting",
    operation_id = "replace_targeting", tag = "flags", params(FlagEnvironmentPath),
    request_body = Targeting,
    responses((status = 200, description = "Replaced", body = FlagEnvironmentView)),
)]
pub(crate) async fn replace_targeting(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagEnvironmentPath>,
    Change { body: mut targeting, intent }: Change<Targeting>,
) -> Result<Answer<FlagEnvironmentView>, Problem> {
    name_rules(&mut targeting, intent.command_id(&caller.principal));
    let environment = path.environment.clone();
    let targeting = Box::new(targeting);
    let command = FlagCommand::ReplaceTargeting { environment, targeting };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Ok(Answer::<FlagView>::changed(done)?.map(|flag| flag.in_environment(path.environment)))
}

/// Gives ids to rules without one. They follow from the command, so a repeated one gives the same.
fn name_rules(targeting: &mut Targeting, command_id: Uuid) {
    for (index, rule) in (0_u64..).zip(&mut targeting.rules) {
        if rule.id.is_empty() {
            let digest: [u8; 32] = Sha256::new()
                .chain_update(b"rule\0")
                .chain_update(command_id.as_bytes())
                .chain_update(index.to_be_bytes())
                .finalize()
                .into();
            let mut id = [0; 16];
            id.copy_from_slice(&digest[..16]);
            rule.id = Uuid::new_v8(id).to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_a_name_get_one_that_follows_from_the_command() {
        let targeting: Targeting = serde_json::from_str(
            r#"{"off_variation":"a","default":{"variation":"a"},"rules":[
                {"then":{"variation":"a"}},{"id":"mine","then":{"variation":"a"}},{"then":{"variation":"a"}}]}"#,
        )
        .unwrap();
        let named = |command| {
            let mut targeting = targeting.clone();
            name_rules(&mut targeting, Uuid::from_u128(command));
            targeting.rules.into_iter().map(|rule| rule.id).collect::<Vec<_>>()
        };
        let once = named(1);
        assert_eq!(once, named(1));
        assert_eq!(once[1], "mine");
        assert_ne!(once[0], once[2]);
        assert_ne!(once[0], named(2)[0]);
    }
}
