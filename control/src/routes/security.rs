//! The security log of an organization: what happened at its doors. Beside the audit log, which says what was changed.

mod export;
mod list;

use ff_domain::OrganizationId;
use ff_security::{Entry, Scope};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list_security_log))
        .routes(routes!(export::export_security_log))
}

const TIME: &str = "a time such as `2026-11-22T20:49:31Z`";

fn scope(app: &App, organization: OrganizationId) -> Scope {
    app.doorkeeper.rights().security_scope(organization)
}

/// Something that happened at a door.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityRecord {
    /// Names it for good.
    id: Uuid,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened.
    #[schema(example = "access.denied")]
    kind: String,
    /// `ok` or `refused`.
    outcome: String,
    /// Who did it, if that was proved.
    actor: Option<SecurityActor>,
    /// To whom or what it was done; with a sign-in, who it was.
    subject: Option<SecuritySubject>,
    /// In which session.
    session: Option<Uuid>,
    /// From which address; null once the person was erased.
    address: Option<String>,
    /// Which service saw it.
    #[schema(example = "control")]
    service: String,
    /// In which request: the `X-Request-Id` of its answer.
    request: Option<Uuid>,
    /// Why it was refused, as a word.
    reason: Option<String>,
    /// A few words more.
    detail: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecurityActor {
    /// `user`, `api_key` or `system`.
    kind: String,
    /// Id of the person or key.
    id: Uuid,
}

/// To whom or what it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecuritySubject {
    /// What it is, such as `user`, `key` or `role`.
    kind: String,
    /// Its id, or its key.
    id: String,
}

impl From<Entry> for SecurityRecord {
    fn from(entry: Entry) -> Self {
        let actor = entry.actor.map(|actor| SecurityActor { kind: actor.kind, id: actor.id });
        let subject = entry.subject.map(|it| SecuritySubject { kind: it.kind, id: it.id });
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            outcome: entry.outcome,
            actor,
            subject,
            session: entry.session,
            address: entry.address.map(|address| address.to_string()),
            service: entry.service,
            request: entry.request,
            reason: entry.reason,
            detail: entry.detail,
        }
    }
}

/// A page of the security log.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecurityLog {
    /// The page.
    items: Vec<SecurityRecord>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}
