//! The kinds of aggregates in the catalog: which columns each has, and how it is written and read back.

mod experiment;
mod layer;
mod metric;

use cqrs_es::Aggregate;
use ff_domain::{
    ApiKey, ApiKeyState, Environment, EnvironmentId, Flag, Membership, Organization, Project,
    Segment, ServiceAccount, api_key::KeyPurpose, flag::Lifetime,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::table::{Cell, Table, Type};
use crate::database::{list, text};

/// An aggregate with a table in the catalog.
pub(super) trait Cataloged: Aggregate + Send + Sync {
    /// Its table.
    const TABLE: Table;

    /// Whether it was ever made.
    fn exists(&self) -> bool;

    /// Its row; none if it does not exist.
    fn describe(&self) -> Option<Described>;

    /// The aggregate out of its row.
    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error>;
}

/// What a row says of an aggregate.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) archived: bool,
    pub(super) document: String,
    pub(super) cells: Vec<Cell>,
}

/// How a lifetime is called.
pub(crate) fn lifetime_name(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Temporary => "temporary",
        Lifetime::Permanent => "permanent",
    }
}

fn cell(value: &str) -> Cell {
    Cell::Text(text(value).into_owned())
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("states have only string keys, so they can be JSON")
}

fn read<T: DeserializeOwned>(document: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(document)
}

/// Key, name and description in lower case, apart by lines so that no search finds across them.
fn search(key: &str, name: &str, description: &str) -> Cell {
    Cell::Text(text(&format!("{key}\n{name}\n{description}")).to_lowercase())
}

impl Cataloged for Organization {
    const TABLE: Table = Table { name: "organizations", columns: &[("key", Type::Text)] };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let Self::Live(state) = self else { return None };
        let cells = vec![cell(state.key.as_str())];
        Some(Described { archived: false, document: json(state), cells })
    }

    fn restore(document: &str, _: bool) -> Result<Self, serde_json::Error> {
        read(document).map(Self::Live)
    }
}

impl Cataloged for Project {
    const TABLE: Table = Table {
        name: "projects",
        columns: &[
            ("organization", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let Self::Live(state) = self else { return None };
        let cells = vec![
            Cell::Uuid(Some(state.organization.0)),
            cell(state.key.as_str()),
            cell(&state.name),
            cell(&state.description),
        ];
        Some(Described { archived: false, document: json(state), cells })
    }

    fn restore(document: &str, _: bool) -> Result<Self, serde_json::Error> {
        read(document).map(Self::Live)
    }
}

impl Cataloged for Environment {
    const TABLE: Table =
        Table { name: "environments", columns: &[("project", Type::Uuid), ("key", Type::Text)] };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let cells = vec![Cell::Uuid(Some(state.project.0)), cell(state.key.as_str())];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}

impl Cataloged for Flag {
    const TABLE: Table = Table {
        name: "flags",
        columns: &[
            ("project", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
            ("kind", Type::Text),
            ("lifetime", Type::Text),
            ("owner", Type::Uuid),
            ("client_side", Type::Bool),
            ("tags", Type::List),
            ("enabled_in", Type::List),
            ("search", Type::Text),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let on = state.environments.iter().filter(|(_, environment)| environment.enabled);
        let cells = vec![
            Cell::Uuid(Some(state.project.0)),
            cell(state.key.as_str()),
            cell(&state.name),
            cell(&state.description),
            cell(state.kind.as_str()),
            cell(lifetime_name(state.lifetime)),
            Cell::Uuid(state.owner.map(|owner| owner.0)),
            Cell::Bool(state.client_side),
            Cell::Text(list(state.tags.iter().map(String::as_str))),
            Cell::Text(list(on.map(|(key, _)| key.as_str()))),
            search(state.key.as_str(), &state.name, &state.description),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}

impl Cataloged for Segment {
    const TABLE: Table = Table {
        name: "segments",
        columns: &[
            ("project", Type::Uuid),
            ("key", Type::Text),
            ("name", Type::Text),
            ("description", Type::Text),
            ("tags", Type::List),
            ("search", Type::Text),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let cells = vec![
            Cell::Uuid(Some(state.project.0)),
            cell(state.key.as_str()),
            cell(&state.name),
            cell(&state.description),
            Cell::Text(list(state.tags.iter().map(String::as_str))),
            search(state.key.as_str(), &state.name, &state.description),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}

impl Cataloged for ApiKey {
    const TABLE: Table = Table {
        name: "api_keys",
        columns: &[
            ("organization", Type::Uuid),
            ("environment", Type::Uuid),
            ("owner", Type::Uuid),
            ("account", Type::Uuid),
            ("name", Type::Text),
            ("prefix", Type::Text),
            ("purpose", Type::Json),
            ("expires_at", Type::Time),
        ],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let (state, archived) = match self {
            Self::Absent => return None,
            Self::Live(state) => (state, false),
            Self::Revoked(state) => (state, true),
        };
        let environment = state.purpose.environment().map(|scope| {
            EnvironmentId::of(scope.project_id(state.organization), &scope.environment).0
        });
        let owner = match state.purpose {
            KeyPurpose::PersonalToken { owner, .. } => Some(owner.0),
            _ => None,
        };
        let cells = vec![
            Cell::Uuid(Some(state.organization.0)),
            Cell::Uuid(environment),
            Cell::Uuid(owner),
            Cell::Uuid(state.service_account().map(|id| id.0)),
            cell(&state.name),
            cell(&state.prefix),
            Cell::Text(json(&state.purpose)),
            Cell::Time(state.expires_at),
        ];
        // Nothing that happens to a key depends on its hash, so it can stay away.
        let public = ApiKeyState { hash: String::new(), ..state.clone() };
        let mut document = serde_json::to_value(&public).unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut document {
            fields.shift_remove("hash");
        }
        Some(Described { archived, document: document.to_string(), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        let mut document: Value = read(document)?;
        if let Value::Object(fields) = &mut document {
            fields.insert("hash".to_owned(), Value::String(String::new()));
        }
        serde_json::from_value(document).map(if archived { Self::Revoked } else { Self::Live })
    }
}

impl Cataloged for Membership {
    const TABLE: Table = Table {
        name: "memberships",
        columns: &[("organization", Type::Uuid), ("user_id", Type::Uuid)],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let (state, archived) = match self {
            Self::Absent => return None,
            Self::Live(state) => (state, false),
            Self::Revoked(state) => (state, true),
        };
        let cells = vec![Cell::Uuid(Some(state.organization.0)), Cell::Uuid(Some(state.user.0))];
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Revoked } else { Self::Live })
    }
}

impl Cataloged for ServiceAccount {
    const TABLE: Table = Table {
        name: "service_accounts",
        columns: &[("organization", Type::Uuid), ("key", Type::Text), ("name", Type::Text)],
    };

    fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    fn describe(&self) -> Option<Described> {
        let state = self.state()?;
        let cells = vec![
            Cell::Uuid(Some(state.organization.0)),
            cell(state.key.as_str()),
            cell(&state.name),
        ];
        let archived = matches!(self, Self::Archived(_));
        Some(Described { archived, document: json(state), cells })
    }

    fn restore(document: &str, archived: bool) -> Result<Self, serde_json::Error> {
        read(document).map(if archived { Self::Archived } else { Self::Live })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff_domain::{
        OrganizationId,
        api_key::{TokenRole, TokenScope},
    };
    use uuid::Uuid;

    #[test]
    fn a_key_s_hash_is_written_nowhere() {
        let state = ApiKeyState {
            organization: OrganizationId(Uuid::from_u128(1)),
            name: "ci".to_owned(),
            purpose: KeyPurpose::ApiToken(TokenScope::everywhere(TokenRole::Viewer)),
            hash: "5ecret".repeat(10),
            prefix: "ff_pat_abc".to_owned(),
            expires_at: None,
            replaces: None,
            replaced_by: None,
        };
        let described = ApiKey::Revoked(state.clone()).describe().unwrap();
        assert!(!format!("{described:?}").contains("5ecret"));
        let restored = ApiKey::restore(&described.document, described.archived).unwrap();
        assert_eq!(restored, ApiKey::Revoked(ApiKeyState { hash: String::new(), ..state }));
    }

    #[test]
    fn lifetimes_are_called_as_in_json() {
        for lifetime in [Lifetime::Temporary, Lifetime::Permanent] {
            assert_eq!(serde_json::to_value(lifetime).unwrap(), lifetime_name(lifetime));
        }
    }
}
