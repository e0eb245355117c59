//! Roles: what an organization calls a set of permissions, and for whom it holds where.
//!
//! Four roles stand in every organization (`viewer`, `editor`, `admin`, `owner`); others an organization makes itself.
//! Which permissions there are is not known here: they are names, and whoever executes a command says which of them
//! nobody knows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    EnvironmentId, EnvironmentKey, OrganizationId, Problem, ProjectId, ProjectKey, RoleKey,
    text::{check_description, check_name},
};

/// Most roles that an organization makes itself. Each costs every decision about rights some time.
pub const CUSTOM_ROLES_MAX: usize = 100;
/// Most roles, each in its place, that one member has.
pub const ASSIGNMENTS_MAX: usize = 200;
/// The role that may do everything.
pub const OWNER: &str = "owner";
/// The roles that every organization has, least first.
pub const BUILT_IN: [&str; 4] = ["viewer", "editor", "admin", OWNER];

/// A role, and where it holds: in the organization, in one project, or in one environment of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleAssignment {
    /// `viewer`, `editor`, `admin`, `owner`, or the key of a role that the organization has made.
    #[cfg_attr(feature = "openapi", schema(example = "editor"))]
    pub role: RoleKey,
    /// Only in this project; absent means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectKey>,
    /// Only in this environment of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentKey>,
}

/// A role that an organization has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleDefinition {
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The names of the permissions it holds, such as `flag.toggle`.
    pub permissions: BTreeSet<String>,
}

/// What decisions about roles depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleFacts {
    /// Roles in the command that the organization has not.
    pub unknown_roles: BTreeSet<RoleKey>,
    /// Assignments in the command whose project or environment does not exist, or is archived.
    pub unknown_places: BTreeSet<RoleAssignment>,
}

impl RoleAssignment {
    /// A role in the whole organization.
    pub fn everywhere(role: RoleKey) -> Self {
        Self { role, project: None, environment: None }
    }

    /// Whether it makes an owner of the organization.
    pub fn is_owner(&self) -> bool {
        self.role.as_str() == OWNER && self.project.is_none() && self.environment.is_none()
    }

    /// The project, and the environment in it, that it is for.
    pub fn place(
        &self,
        organization: OrganizationId,
    ) -> (Option<ProjectId>, Option<EnvironmentId>) {
        let Some(project) = &self.project else { return (None, None) };
        let project = ProjectId::of(organization, project);
        (Some(project), self.environment.as_ref().map(|key| EnvironmentId::of(project, key)))
    }
}

impl RoleDefinition {
    /// What is wrong with it; `unknown` are the permissions in it that do not exist.
    pub(crate) fn check(&self, unknown: &BTreeSet<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_name("/name", &self.name, &mut problems);
        check_description("/description", &self.description, &mut problems);
        for (index, permission) in self.permissions.iter().enumerate() {
            if unknown.contains(permission) {
                problems.push(Problem::at(
                    format!("/permissions/{index}"),
                    format!(
                        "there is no permission `{permission}`: use a name such as `flag.toggle`"
                    ),
                ));
            }
        }
        problems
    }
}

/// Whether a key is that of a role which every organization has, however it is capitalised.
pub fn is_built_in(role: &RoleKey) -> bool {
    BUILT_IN.iter().any(|name| role.as_str().eq_ignore_ascii_case(name))
}

/// Says what is wrong with roles that are given, each at `<pointer>/<its index>`, or at `pointer` if there is only one.
pub(crate) fn check<'a>(
    pointer: &str,
    roles: impl IntoIterator<Item = &'a RoleAssignment>,
    facts: &RoleFacts,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, given) in roles.into_iter().enumerate() {
        let at = if pointer.is_empty() { String::new() } else { format!("{pointer}/{index}") };
        if given.environment.is_some() && given.project.is_none() {
            problems.push(Problem::at(
                format!("{at}/environment"),
                "an environment is named with its project",
            ));
        } else if facts.unknown_places.contains(given) {
            let field = if given.environment.is_some() { "environment" } else { "project" };
            problems.push(Problem::at(
                format!("{at}/{field}"),
                "there is no such project or environment, or it is archived",
            ));
        }
        if facts.unknown_roles.contains(&given.role) {
            problems.push(Problem::at(
                format!("{at}/role"),
                "the organization has no such role: define it first, or use a built-in one",
            ));
        }
    }
    problems
}

/// Says that there are too many.
pub(crate) fn check_count(pointer: &str, count: usize, problems: &mut Vec<Problem>) {
    if count > ASSIGNMENTS_MAX {
        problems.push(Problem::at(
            pointer,
            format!("at most {ASSIGNMENTS_MAX} roles for one member, these would be {count}"),
        ));
    }
}
