//! Who is asking: a person, an API key, or the platform itself.
//!
//! A principal is what authentication leaves behind. It holds ids only, no names and no secrets, so
//! that it can be written into events and logs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::authorize::Scope;

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What kind of caller, and its id.
    pub kind: PrincipalKind,
    /// The organization an API key belongs to, or that a session is limited to because the organization's own identity
    /// provider vouched for it. A user may belong to several otherwise.
    pub org: Option<Uuid>,
    /// What an API key was issued for. Empty for users and the system.
    pub scopes: Vec<TokenScope>,
    /// Whose API key it is, who limits what it may do; `None` for one of the organization's own, and
    /// for users and the system.
    pub owner: Option<Member>,
}

/// Who can be given a role: a person, or an account that programs share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Member {
    /// A person.
    User(Uuid),
    /// A service account. It acts through its API keys alone.
    ServiceAccount(Uuid),
}

/// The kinds of caller; the names are those of the `actor` of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person who has signed in.
    User {
        /// Their id; name and e-mail live elsewhere.
        user_id: Uuid,
    },
    /// A program that holds an API token.
    ApiKey {
        /// The id of the `ApiKey` aggregate, not the key.
        key_id: Uuid,
    },
    /// The platform: schedules, imports, the seed, a first organization.
    System,
}

/// A role within a part of the key's organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenScope {
    /// What may be done there.
    pub role: TokenRole,
    /// Only in this project; `None` is every project.
    pub project: Option<Uuid>,
    /// Only in this environment; `None` is every environment.
    pub environment: Option<Uuid>,
}

/// What an API token may do, least first: a later role may do all that an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Reads.
    Viewer,
    /// Reads, and changes flags and segments.
    Editor,
    /// Everything inside its organization, issuing keys included.
    Admin,
}

impl Principal {
    /// A person who has signed in.
    #[must_use]
    pub fn user(user_id: Uuid) -> Self {
        Self { kind: PrincipalKind::User { user_id }, org: None, scopes: Vec::new(), owner: None }
    }

    /// A program with an API token of `org`, which may do `role` in all of it.
    #[must_use]
    pub fn api_token(key_id: Uuid, org: Uuid, role: TokenRole) -> Self {
        Self::api_key(key_id, org, vec![TokenScope::everywhere(role)])
    }

    /// A program with an API token of `org` that is limited to `scopes`.
    #[must_use]
    pub fn api_key(key_id: Uuid, org: Uuid, scopes: Vec<TokenScope>) -> Self {
        Self { kind: PrincipalKind::ApiKey { key_id }, org: Some(org), scopes, owner: None }
    }

    /// The same person, in a session that is good in this organization alone.
    #[must_use]
    pub fn within(self, org: Option<Uuid>) -> Self {
        Self { org, ..self }
    }

    /// The same API key, as one that belongs to `owner` and can never do more than they can.
    #[must_use]
    pub fn owned_by(self, owner: Member) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The platform itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: PrincipalKind::System, org: None, scopes: Vec::new(), owner: None }
    }
}

impl PrincipalKind {
    /// The name of the kind on the wire: `user`, `api_key` or `system`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "api_key",
            Self::System => "system",
        }
    }

    /// The id of the user or the key; the system has none.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::User { user_id } => Some(*user_id),
            Self::ApiKey { key_id } => Some(*key_id),
            Self::System => None,
        }
    }
}

impl TokenScope {
    /// `role` in the whole organization.
    #[must_use]
    pub fn everywhere(role: TokenRole) -> Self {
        Self { role, project: None, environment: None }
    }

    /// Whether a request for `scope` lies inside this one. A token limited to a project or an
    /// environment covers only requests that name it.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        self.project.is_none_or(|project| scope.project == Some(project))
            && self.environment.is_none_or(|environment| scope.environment == Some(environment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_scope_covers_only_requests_that_name_its_part() {
        let (project, other, environment) =
            (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let org = Scope::organization(Uuid::from_u128(9));
        let limited = TokenScope {
            role: TokenRole::Editor,
            project: Some(project),
            environment: Some(environment),
        };

        assert!(limited.covers(&org.in_project(project).in_environment(environment)));
        assert!(!limited.covers(&org.in_project(other).in_environment(environment)));
        assert!(!limited.covers(&org.in_project(project)));
        assert!(!limited.covers(&org));
        assert!(TokenScope::everywhere(TokenRole::Viewer).covers(&org.in_project(other)));
    }

    #[test]
    fn kinds_are_written_as_the_actor_of_a_commit_names_them() {
        for kind in [
            PrincipalKind::User { user_id: Uuid::nil() },
            PrincipalKind::ApiKey { key_id: Uuid::nil() },
            PrincipalKind::System,
        ] {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json["kind"], kind.name());
            assert_eq!(serde_json::from_value::<PrincipalKind>(json).unwrap(), kind);
        }
    }
}
