//! What happened, newest first.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::Permission;
use ff_security::{Filter, Kind, Log, Outcome};
use utoipa::IntoParams;
use utoipa::openapi::schema::{Array, ObjectBuilder, Type};
use uuid::Uuid;

use super::{SecurityLog, SecurityRecord, TIME, scope};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, FromParameters, PageParameters, Parameters, Query, bad_parameter};
use crate::respond::Listed;
use crate::routes::paths::OrgPath;

/// Which records.
pub(crate) struct Which {
    filter: Filter,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// All that can happen.
fn kinds() -> Array {
    let names = Kind::ALL.iter().map(|kind| kind.as_str());
    Array::new(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)))
}

/// How the security log is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct SecurityParameters {
    /// Happened then or later, RFC 3339.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Happened before, RFC 3339.
    #[param(format = DateTime)]
    to: Option<String>,
    /// What happened, such as `access.denied`; may be given more than once.
    #[param(schema_with = kinds)]
    kind: Option<Vec<String>>,
    /// `ok` or `refused`.
    #[param(pattern = "^(ok|refused)$")]
    outcome: Option<String>,
    /// Id of the person or key who did it.
    actor: Option<Uuid>,
    /// Id, or key, of whom or what it was done to.
    subject: Option<String>,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let kinds = parameters.all("kind").into_iter().map(|name| {
            let kind = Kind::from_name(&name);
            kind.ok_or_else(|| {
                bad_parameter("kind", "give what can happen, such as `access.denied`")
            })
        });
        let outcome = match parameters.one("outcome").as_deref() {
            None => None,
            Some("ok") => Some(Outcome::Ok),
            Some("refused") => Some(Outcome::Refused),
            Some(_) => return Err(bad_parameter("outcome", "give `ok` or `refused`")),
        };
        let limit = parameters.parsed("limit", "a number from 1 to 200")?;
        if limit.is_some_and(|limit| !(1..=Log::MAX_LIMIT).contains(&limit)) {
            return Err(bad_parameter("limit", "give a number from 1 to 200"));
        }
        Ok(Self {
            filter: Filter {
                kinds: kinds.collect::<Result<_, _>>()?,
                outcome,
                from: parameters.parsed("from", TIME)?,
                to: parameters.parsed("to", TIME)?,
                actor: parameters.parsed("actor", "the id of a person or key")?,
                subject: parameters.one("subject").map(|text| text.replace('\0', "\u{fffd}")),
            },
            limit,
            cursor: parameters.one("cursor"),
        })
    }
}

/// List what happened at the doors
///
/// Sign-ins, refusals, denials, rights given and taken, and the use of keys. Records arrive within seconds. What members
/// did at the doors of the whole installation, such as signing in with a password, is there for the time in which they
/// were members.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/security-log", operation_id = "list_security_log", tag = "security",
    params(OrgPath, SecurityParameters, PageParameters),
    responses((status = 200, description = "A page, the newest first", body = SecurityLog)),
)]
pub(crate) async fn list_security_log(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Query(Which { filter, limit, cursor }): Query<Which>,
    uri: Uri,
) -> Result<Listed<SecurityRecord>, Problem> {
    let _ = app.allow(&caller, Permission::SecurityRead, path.scope())?;
    let scope = scope(&app, path.org());
    let page = app.security_log.list(&scope, &filter, cursor.as_deref(), limit).await?;
    let items = page.items.into_iter().map(SecurityRecord::from).collect();
    Ok(Listed::unpositioned(items, page.next, &uri))
}
