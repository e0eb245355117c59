//! What a row says of a commit beside the commit itself.
//!
//! An audit log must take every commit, also those of kinds and versions that this program does not know. So this looks
//! at the JSON of the first event, and not at the domain's types.

use ff_domain::{OrganizationId, ProjectId, ProjectKey};
use ff_eventlog::Commit;
use serde_json::Value;
use uuid::Uuid;

use crate::database::text;

/// What people call an aggregate, and the project it is in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Named {
    pub(super) project: Option<Uuid>,
    pub(super) label: Option<String>,
}

/// Reads the names out of an aggregate's first commit.
pub(super) fn named(commit: &Commit) -> Named {
    let data = commit.events.first().map_or(&Value::Null, |event| &event.data);
    let field = |name: &str| data.get(name).and_then(Value::as_str);
    let project = if commit.aggregate.kind == "project" {
        Some(commit.aggregate.id)
    } else {
        // Most say the project's id; what is for one environment says the project's key.
        field("project").and_then(|id| id.parse().ok()).or_else(|| {
            let key = data.get("purpose")?.get("project")?.as_str()?;
            let key = ProjectKey::parse(key).ok()?;
            Some(ProjectId::of(OrganizationId(commit.org), &key).0)
        })
    };
    let label = field("key").or_else(|| field("name")).or_else(|| field("user"));
    Named { project, label: label.map(|label| text(label).into_owned()) }
}

/// Names in columns, as they are in JSON.
pub(super) mod snake {
    use ff_eventlog::{ActorKind, Via};

    pub(in crate::audit) fn actor(kind: ActorKind) -> &'static str {
        match kind {
            ActorKind::User => "user",
            ActorKind::ApiKey => "api_key",
            ActorKind::System => "system",
        }
    }

    pub(in crate::audit) fn via(via: Via) -> &'static str {
        match via {
            Via::Ui => "ui",
            Via::Api => "api",
            Via::Cli => "cli",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn commit(kind: &str, data: &Value) -> Commit {
        let id = Uuid::from_u128(7);
        serde_json::from_value(json!({
            "schema": 1, "command_id": id, "correlation_id": id,
            "causation": {"kind": "command", "id": "x"}, "org": id,
            "aggregate": {"type": kind, "id": id}, "version": 1, "prev": null,
            "at": "2026-11-22T20:49:31.123Z", "actor": {"kind": "system", "id": id},
            "via": "cli", "events": [{"type": "x", "v": 1, "data": data}],
        }))
        .unwrap()
    }

    #[test]
    fn names_are_found_wherever_they_are() {
        let (id, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let name = |project, label: &str| Named { project, label: Some(label.to_owned()) };
        for (kind, data, expected) in [
            ("organization", json!({"key": "acme"}), name(None, "acme")),
            ("project", json!({"key": "web", "organization": other}), name(Some(id), "web")),
            ("flag", json!({"key": "a\0b", "project": other}), name(Some(other), "a\u{fffd}b")),
            (
                "api_key",
                json!({"name": "ci", "purpose": {"kind": "api_token", "role": "viewer"}}),
                name(None, "ci"),
            ),
            (
                "api_key",
                json!({"name": "ci", "purpose": {"kind": "sdk_server", "project": "web"}}),
                name(
                    Some(ProjectId::of(OrganizationId(id), &ProjectKey::parse("web").unwrap()).0),
                    "ci",
                ),
            ),
            ("later", Value::Null, Named::default()),
        ] {
            assert_eq!(named(&commit(kind, &data)), expected, "{kind}");
        }
    }

    #[test]
    fn columns_call_things_as_json_does() {
        use ff_eventlog::{ActorKind, Via};
        for kind in [ActorKind::User, ActorKind::ApiKey, ActorKind::System] {
            assert_eq!(serde_json::to_value(kind).unwrap(), snake::actor(kind));
        }
        for via in [Via::Ui, Via::Api, Via::Cli] {
            assert_eq!(serde_json::to_value(via).unwrap(), snake::via(via));
        }
    }
}
