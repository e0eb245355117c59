//! The log as a file.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use ff_auth::Permission;
use ff_security::Format;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{TIME, scope};
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Chain, Problem};
use crate::request::{At, FromParameters, Parameters, Query, bad_parameter};
use crate::routes::paths::OrgPath;

/// Which file.
pub(crate) struct Export {
    format: Format,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl FromParameters for Export {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let format = match parameters.one("format").as_deref() {
            None | Some("jsonl") => Format::JsonLines,
            Some("csv") => Format::Csv,
            Some(_) => return Err(bad_parameter("format", "give `jsonl` or `csv`")),
        };
        let (from, to) = (parameters.parsed("from", TIME)?, parameters.parsed("to", TIME)?);
        Ok(Self { format, from, to })
    }
}

/// Export the security log
///
/// All records of a time, the oldest first: an object a line, or RFC 4180. A file that breaks off is not whole; ask for
/// the rest from the time of its last record on.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/security-log/export", operation_id = "export_security_log", tag = "security",
    params(
        OrgPath,
        ("from" = Option<String>, Query, format = DateTime, description = "Happened then or later, RFC 3339"),
        ("to" = Option<String>, Query, format = DateTime, description = "Happened before, RFC 3339"),
        ("format" = Option<String>, Query, pattern = "^(jsonl|csv)$",
            description = "`jsonl` (the default) or `csv`"),
    ),
    responses((
        status = 200, description = "The file",
        content((String = "application/x-ndjson"), (String = "text/csv")),
    )),
)]
pub(crate) async fn export_security_log(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Query(Export { format, from, to }): Query<Export>,
) -> Result<Response, Problem> {
    let _ = app.allow(&caller, Permission::SecurityRead, path.scope())?;
    let mut parts = Box::pin(app.security_log.export_as(format, scope(&app, path.org()), from, to));
    // Whether the log can be read at all shows in the first part that is read from it, which comes after a header.
    let mut first = Vec::new();
    while first.len() < 2
        && let Some(part) = parts.try_next().await?
    {
        first.push(Ok(part));
    }
    let rest = parts.inspect_err(|error| {
        tracing::warn!(error = %Chain(error), "an export of the security log broke off");
    });
    let body = Body::from_stream(stream::iter(first).chain(rest));
    let kind = HeaderValue::from_static(format.media_type());
    let name = match format {
        Format::JsonLines => "attachment; filename=\"security-log.jsonl\"",
        Format::Csv => "attachment; filename=\"security-log.csv\"",
    };
    let name = HeaderValue::from_static(name);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}
