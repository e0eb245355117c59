//! What giving a role needs, whoever gets it.

use std::collections::BTreeSet;

use ff_auth::{Gift, RoleName, Scope};
use ff_domain::{
    Environment, Organization, OrganizationId, Project, RoleAssignment, RoleKey,
    role::{BUILT_IN, RoleFacts},
};
use ff_eventlog::{EventLog, LogError};

use crate::Surroundings;

/// A role that is given.
pub(super) fn gift(org: OrganizationId, assignment: &RoleAssignment) -> Gift {
    let (role, scope) = names(org, assignment);
    Gift::Role { role, scope }
}

/// A role that is taken.
pub(super) fn gift_back(org: OrganizationId, assignment: &RoleAssignment) -> Gift {
    let (role, scope) = names(org, assignment);
    Gift::RoleBack { role, scope }
}

fn names(org: OrganizationId, assignment: &RoleAssignment) -> (RoleName, Scope) {
    let (project, environment) = assignment.place(org);
    let scope = Scope {
        org: org.0,
        project: project.map(|id| id.0),
        environment: environment.map(|id| id.0),
    };
    (RoleName::named(assignment.role.as_str()), scope)
}

/// Which of these roles and their places there are not.
pub(super) async fn facts<'a, L: EventLog>(
    given: impl IntoIterator<Item = &'a RoleAssignment>,
    around: &Surroundings<'_, L>,
) -> Result<RoleFacts, LogError> {
    let given: Vec<_> = given.into_iter().collect();
    let custom: BTreeSet<_> = given
        .iter()
        .map(|assignment| &assignment.role)
        .filter(|role| !BUILT_IN.contains(&role.as_str()))
        .collect();
    let mut facts = RoleFacts::default();
    if !custom.is_empty() {
        let organization = around.load::<Organization>(around.org()).await?;
        let known = |role: &RoleKey| match &organization.aggregate {
            Organization::Live(state) => state.roles.contains_key(role),
            Organization::Absent => false,
        };
        facts.unknown_roles = custom.into_iter().filter(|role| !known(role)).cloned().collect();
    }
    for assignment in given {
        let (project, environment) = assignment.place(around.org());
        let project_is = match project {
            Some(id) => matches!(around.load::<Project>(id).await?.aggregate, Project::Live(_)),
            None => true,
        };
        let environment_is = match environment {
            Some(id) if project_is => {
                matches!(around.load::<Environment>(id).await?.aggregate, Environment::Live(_))
            }
            _ => true,
        };
        if !project_is || !environment_is {
            facts.unknown_places.insert(assignment.clone());
        }
    }
    Ok(facts)
}
