//! Keys: they belong to an organization, and those of SDKs depend on an environment.

use ff_auth::Permission;
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyId, ApiKeyState, Environment, EnvironmentId,
    OrganizationId, ProjectId, api_key::ApiKeyFacts,
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

impl Executable for ApiKey {
    type Id = ApiKeyId;

    fn uuid(id: ApiKeyId) -> Uuid {
        id.0
    }

    fn code(error: &ApiKeyError) -> &'static str {
        error.code()
    }

    fn permission(command: &ApiKeyCommand) -> Option<Permission> {
        Some(match command {
            ApiKeyCommand::Issue(_) => Permission::ApiKeyIssue,
            ApiKeyCommand::Revoke => Permission::ApiKeyRevoke,
        })
    }

    fn place(&self, command: &ApiKeyCommand) -> Option<Place> {
        let key = match (self, command) {
            (_, ApiKeyCommand::Issue(new)) => new,
            (Self::Live(key) | Self::Revoked(key), ApiKeyCommand::Revoke) => key,
            (Self::Absent, ApiKeyCommand::Revoke) => return None,
        };
        Some(environment(key).map_or(Place::ORGANIZATION, |(project, environment)| {
            Place::environment(project, environment)
        }))
    }

    fn is_for(command: &ApiKeyCommand, org: OrganizationId, id: ApiKeyId) -> bool {
        match command {
            // A hash that is none leads to no id; the domain says what is wrong with it.
            ApiKeyCommand::Issue(new) => {
                new.organization == org && new.id().is_none_or(|new| new == id)
            }
            ApiKeyCommand::Revoke => true,
        }
    }

    fn parent(command: &ApiKeyCommand) -> Option<Parent> {
        matches!(command, ApiKeyCommand::Issue(_)).then_some(Parent::Organization)
    }

    async fn facts<L: EventLog>(
        &self,
        command: &ApiKeyCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<ApiKeyFacts, LogError> {
        let environment_exists = match command {
            ApiKeyCommand::Issue(new) => match environment(new) {
                Some((_, id)) => {
                    let found = around.load::<Environment>(id).await?;
                    matches!(found.aggregate, Environment::Live(_))
                }
                None => true,
            },
            ApiKeyCommand::Revoke => true,
        };
        Ok(ApiKeyFacts { now: around.at(), environment_exists })
    }
}

fn environment(key: &ApiKeyState) -> Option<(ProjectId, EnvironmentId)> {
    let scope = key.purpose.environment()?;
    let project = scope.project_id(key.organization);
    Some((project, EnvironmentId::of(project, &scope.environment)))
}
