//! Who changed what, when and why.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::Permission;
use ff_domain::{ProjectId, ProjectKey};
use ff_eventlog::{Actor, EventRecord, Position, Via};
use ff_projections::ProjectionName;
use ff_projections::queries::{AuditEntry, AuditFilter, HistoryEntry};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::paths::OrgPath;
use crate::App;
use crate::middleware::{Caller, Seen};
use crate::problem::Problem;
use crate::request::{At, FromParameters, Page, PageParameters, Parameters, Query};
use crate::respond::Listed;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_audit))
}

/// A change: one command, with all that it led to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditItem {
    /// Its place in the order of all changes; give it as `as_of` to see what was then.
    #[schema(value_type = String, example = "281474976710699")]
    position: Position,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who.
    #[schema(value_type = ActorSchema)]
    actor: Actor,
    /// Through what: `ui`, `api` or `cli`.
    #[schema(value_type = String, example = "api")]
    via: Via,
    /// Why.
    comment: Option<String>,
    /// Kind of what was changed, such as `flag`.
    aggregate_type: String,
    /// Id of what was changed.
    aggregate_id: Uuid,
    /// What people call it: its key, or a key's name.
    label: Option<String>,
    /// Id of the project it is in.
    project: Option<ProjectId>,
    /// Its version after the change.
    version: u64,
    /// What happened.
    #[schema(value_type = Vec<EventSchema>)]
    events: Vec<EventRecord>,
    /// The same for every change that came from one request.
    correlation_id: Uuid,
    /// The link of the hash chain over the whole log that this change is.
    row_hash: String,
}

/// Who did it.
#[derive(ToSchema)]
#[schema(as = Actor)]
#[expect(dead_code, reason = "it describes a type of a crate that knows no OpenAPI")]
pub(crate) struct ActorSchema {
    /// `user`, `api_key` or `system`.
    kind: String,
    /// Id of the user or key.
    id: Uuid,
}

/// Something that happened.
#[derive(ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "it describes a type of a crate that knows no OpenAPI")]
pub(crate) struct EventSchema {
    /// What, such as `flag.turned_on`.
    #[schema(rename = "type")]
    kind: String,
    /// The version of the shape of `data`.
    v: u16,
    /// The particulars.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<AuditEntry> for AuditItem {
    fn from(entry: AuditEntry) -> Self {
        let commit = entry.commit;
        Self {
            position: entry.position,
            at: commit.at,
            actor: commit.actor,
            via: commit.via,
            comment: commit.comment,
            aggregate_type: commit.aggregate.kind,
            aggregate_id: commit.aggregate.id,
            label: entry.label,
            project: entry.project,
            version: commit.version,
            events: commit.events,
            correlation_id: commit.correlation_id,
            row_hash: entry.row_hash.to_string(),
        }
    }
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditLog)]
pub(crate) struct Audit {
    /// The page.
    items: Vec<AuditItem>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// One event of one thing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub(crate) struct HistoryItem {
    /// The change it belongs to; give it as `as_of` to see what was then.
    #[schema(value_type = String, example = "281474976710699")]
    position: Position,
    /// The version after that change.
    version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who.
    #[schema(value_type = ActorSchema)]
    actor: Actor,
    /// Through what: `ui`, `api` or `cli`.
    #[schema(value_type = String, example = "api")]
    via: Via,
    /// Why.
    comment: Option<String>,
    /// What happened.
    #[schema(value_type = EventSchema)]
    event: EventRecord,
}

impl From<HistoryEntry> for HistoryItem {
    fn from(entry: HistoryEntry) -> Self {
        let HistoryEntry { position, version, at, actor, via, comment, event } = entry;
        Self { position, version, at, actor, via, comment, event }
    }
}

/// A page of the history of one thing.
#[derive(Serialize, ToSchema)]
pub(crate) struct History {
    /// The page.
    items: Vec<HistoryItem>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which changes.
pub(crate) struct Which {
    project: Option<ProjectKey>,
    filter: AuditFilter,
    page: Page,
}

/// How the audit log is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct AuditParameters {
    /// Key of a project.
    #[param(inline, value_type = Option<ProjectKey>)]
    project: Option<String>,
    /// Kind of what was changed, such as `flag` or `segment`.
    aggregate_type: Option<String>,
    /// Id of what was changed.
    aggregate_id: Option<Uuid>,
    /// Id of the user or key who changed it.
    actor: Option<Uuid>,
    /// Type of an event, such as `flag.turned_on`.
    action: Option<String>,
    /// Changed then or later, RFC 3339.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Changed before, RFC 3339.
    #[param(format = DateTime)]
    to: Option<String>,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        const TIME: &str = "a time such as `2026-11-22T20:49:31Z`";
        let text = |text: String| text.replace('\0', "\u{fffd}");
        Ok(Self {
            project: parameters.parsed("project", "the key of a project")?,
            filter: AuditFilter {
                project: None,
                kind: parameters.one("aggregate_type").map(text),
                aggregate: parameters.parsed("aggregate_id", "the id of what was changed")?,
                actor: parameters.parsed("actor", "the id of a user or key")?,
                action: parameters.one("action").map(text),
                from: parameters.parsed("from", TIME)?,
                to: parameters.parsed("to", TIME)?,
            },
            page: Page::take(parameters)?,
        })
    }
}

/// List changes
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/audit", operation_id = "list_audit", tag = "audit",
    params(OrgPath, AuditParameters, PageParameters),
    responses((status = 200, description = "A page, the newest first", body = Audit)),
)]
pub(crate) async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    seen: Seen,
    At(path): At<OrgPath>,
    Query(which): Query<Which>,
    uri: Uri,
) -> Result<Listed<AuditItem>, Problem> {
    let Which { project, mut filter, page: Page(page) } = which;
    filter.project = project.map(|key| ProjectId::of(path.org(), &key));
    let scope = match filter.project {
        Some(project) => path.scope().in_project(project.0),
        None => path.scope(),
    };
    let grant = app.allow(&caller, Permission::AuditRead, scope)?;
    app.wait_for(ProjectionName::Audit, seen).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Audit).await?;
    let found = queries.audit(path.org(), &filter, &page).await?;
    Ok(Listed::of(found, position, &uri, AuditItem::from))
}
