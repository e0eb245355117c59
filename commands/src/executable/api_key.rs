//! Keys: they belong to an organization, and to the place, the person or the service account that they are for.

use ff_auth::{BuiltInRole, Gift, Member, Permission, Scope};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyId, Environment, OrganizationId, Project,
    ServiceAccount, ServiceAccountId,
    api_key::{ApiKeyFacts, KeyPurpose, TokenRole, TokenScope},
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for ApiKey {
    type Id = ApiKeyId;

    fn uuid(id: ApiKeyId) -> Uuid {
        id.0
    }

    fn code(error: &ApiKeyError) -> &'static str {
        error.code()
    }

    fn permission(command: &ApiKeyCommand) -> Option<Permission> {
        match command {
            ApiKeyCommand::Issue(new) => Some(match new.purpose {
                KeyPurpose::PersonalToken { .. } => Permission::PersonalTokenIssue,
                _ => Permission::ApiKeyIssue,
            }),
            ApiKeyCommand::Revoke => Some(Permission::ApiKeyRevoke),
            ApiKeyCommand::RevokeOwn(_) => Some(Permission::PersonalTokenRevoke),
            ApiKeyCommand::Replace { .. } => None,
        }
    }

    fn place(&self, command: &ApiKeyCommand) -> Option<Place> {
        let key = match (self, command) {
            (_, ApiKeyCommand::Issue(new)) => new,
            (Self::Live(key) | Self::Revoked(key), _) => key,
            (Self::Absent, _) => return None,
        };
        Some(key.purpose.place(key.organization).into())
    }

    fn gifts(&self, org: OrganizationId, command: &ApiKeyCommand) -> Vec<Gift> {
        match command {
            ApiKeyCommand::Issue(new) => match &new.purpose {
                // Whoever has it downloads the rules of the environment.
                KeyPurpose::SdkServer(_) => vec![Gift::Permissions {
                    permissions: vec![Permission::FlagRead, Permission::SegmentRead],
                    scope: Place::from(new.purpose.place(org)).scope(org),
                }],
                // It evaluates what is meant for everybody, and sees no rule.
                KeyPurpose::SdkClient(_) => Vec::new(),
                KeyPurpose::ApiToken(scope) => vec![gift(org, scope)],
                KeyPurpose::PersonalToken { owner, .. } => {
                    vec![Gift::Oneself { member: Member::User(owner.0) }]
                }
                KeyPurpose::ServiceAccount { account } => {
                    let id = ServiceAccountId::of(org, account);
                    vec![Gift::Standing { member: Member::ServiceAccount(id.0) }]
                }
            },
            ApiKeyCommand::RevokeOwn(person) => {
                vec![Gift::Oneself { member: Member::User(person.0) }]
            }
            // Whoever may put an end to keys may do it to every key: a leak does not wait for its owner.
            ApiKeyCommand::Revoke | ApiKeyCommand::Replace { .. } => Vec::new(),
        }
    }

    fn is_for(command: &ApiKeyCommand, org: OrganizationId, id: ApiKeyId) -> bool {
        match command {
            // A hash that is none leads to no id; the domain says what is wrong with it.
            ApiKeyCommand::Issue(new) => {
                new.organization == org && new.id().is_none_or(|new| new == id)
            }
            _ => true,
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
        let missing = match command {
            ApiKeyCommand::Issue(new) => missing(&new.purpose, around).await?,
            _ => Vec::new(),
        };
        Ok(ApiKeyFacts { now: around.at(), missing })
    }

    fn hints(&self, command: &ApiKeyCommand) -> Vec<Party> {
        match command {
            ApiKeyCommand::Issue(new) => {
                new.replaces.map(|old| Party::ApiKey(old.key)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let (Self::Absent, Self::Live(new)) = (self, after) else { return Vec::new() };
        let (Some(old), Some(by)) = (new.replaces, new.id()) else { return Vec::new() };
        let purpose = new.purpose.clone();
        vec![Effect::ApiKey(old.key, ApiKeyCommand::Replace { by, purpose, until: old.until })]
    }
}

fn gift(org: OrganizationId, scope: &TokenScope) -> Gift {
    let role = match scope.role {
        TokenRole::Admin => BuiltInRole::Admin,
        TokenRole::Editor => BuiltInRole::Editor,
        TokenRole::Viewer => BuiltInRole::Viewer,
    };
    let (project, environment) = scope.place(org);
    let scope = Scope {
        org: org.0,
        project: project.map(|id| id.0),
        environment: environment.map(|id| id.0),
    };
    Gift::Role { role: role.into(), scope }
}

/// Where a purpose names what does not exist, or is archived.
async fn missing<L: EventLog>(
    purpose: &KeyPurpose,
    around: &Surroundings<'_, L>,
) -> Result<Vec<String>, LogError> {
    let org = around.org();
    let mut missing = Vec::new();
    match purpose {
        KeyPurpose::SdkServer(_) | KeyPurpose::SdkClient(_) => {
            missing.extend(absent("", purpose.place(org).into(), around).await?);
        }
        KeyPurpose::ApiToken(scope) => {
            missing.extend(absent("", scope.place(org).into(), around).await?);
        }
        KeyPurpose::PersonalToken { scopes, .. } => {
            for (index, scope) in scopes.iter().enumerate() {
                let pointer = format!("/scopes/{index}");
                missing.extend(absent(&pointer, scope.place(org).into(), around).await?);
            }
        }
        KeyPurpose::ServiceAccount { account } => {
            let id = ServiceAccountId::of(org, account);
            let found = around.load::<ServiceAccount>(id).await?;
            if !matches!(found.aggregate, ServiceAccount::Live(_)) {
                missing.push("/account".to_owned());
            }
        }
    }
    Ok(missing)
}

/// Which part of a place there is not.
async fn absent<L: EventLog>(
    pointer: &str,
    place: Place,
    around: &Surroundings<'_, L>,
) -> Result<Option<String>, LogError> {
    if let Some(project) = place.project {
        let found = around.load::<Project>(project).await?;
        if !matches!(found.aggregate, Project::Live(_)) {
            return Ok(Some(format!("{pointer}/project")));
        }
    }
    if let Some(environment) = place.environment {
        let found = around.load::<Environment>(environment).await?;
        if !matches!(found.aggregate, Environment::Live(_)) {
            return Ok(Some(format!("{pointer}/environment")));
        }
    }
    Ok(None)
}
