//! The flags of a project, searched and filtered.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::{FlagId, UserId, flag::Lifetime};
use ff_evaluator::ValueType;
use ff_projections::ProjectionName;
use ff_projections::queries::{FlagFilter, FlagRow, FlagSort};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query, bad_parameter};
use crate::respond::{Listed, Stamp};
use crate::routes::filters;
use crate::routes::paths::ProjectPath;

/// A flag in a list: all but its variations and targeting.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlagSummary {
    /// Its id.
    id: FlagId,
    /// Its key, unique in the project.
    key: String,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    /// What its values are.
    #[serde(rename = "type")]
    kind: ValueType,
    /// Whether it is meant to be removed one day.
    lifetime: Lifetime,
    /// Who looks after it.
    owner: Option<UserId>,
    /// Words to find it by.
    tags: Vec<String>,
    /// Whether client-side keys may see it.
    client_side: bool,
    /// Whether it is put away.
    archived: bool,
    /// Keys of the environments in which it is on.
    enabled_in: Vec<String>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl From<FlagRow> for FlagSummary {
    fn from(row: FlagRow) -> Self {
        Self {
            stamp: Stamp::at(row.version, row.position, row.created_at, row.updated_at),
            id: row.id,
            key: row.key,
            name: row.name,
            description: row.description,
            kind: row.kind,
            lifetime: row.lifetime,
            owner: row.owner,
            tags: row.tags,
            client_side: row.client_side,
            archived: row.archived,
            enabled_in: row.enabled_in,
        }
    }
}

/// A page of flags.
#[derive(Serialize, ToSchema)]
pub(crate) struct Flags {
    /// The page.
    items: Vec<FlagSummary>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which flags, in which order.
pub(crate) struct Which(FlagFilter, Page);

/// How a list of flags is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct FlagParameters {
    /// A text in key, name or description, whatever its case.
    search: Option<String>,
    /// A tag; repeat the parameter for more, all of them must be there.
    tag: Option<Vec<String>>,
    /// `boolean`, `string`, `number` or `json`.
    #[param(inline, rename = "type")]
    kind: Option<ValueType>,
    /// `live` (the default), `archived` or `all`.
    #[param(pattern = "^(live|archived|all)$")]
    state: Option<String>,
    /// `temporary` or `permanent`.
    #[param(inline)]
    lifetime: Option<Lifetime>,
    /// Id of who looks after it.
    #[param(value_type = Option<uuid::Uuid>)]
    owner: Option<UserId>,
    /// Whether client-side keys may see it.
    client_side: Option<bool>,
    /// `key` (the default), or `updated`: what was changed last comes first.
    #[param(pattern = "^(key|updated)$")]
    sort: Option<String>,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let kind = match parameters.one("type").as_deref() {
            None => None,
            Some("boolean") => Some(ValueType::Boolean),
            Some("string") => Some(ValueType::String),
            Some("number") => Some(ValueType::Number),
            Some("json") => Some(ValueType::Json),
            Some(_) => {
                let expected = "give `boolean`, `string`, `number` or `json`";
                return Err(bad_parameter("type", expected));
            }
        };
        let lifetime = match parameters.one("lifetime").as_deref() {
            None => None,
            Some("temporary") => Some(Lifetime::Temporary),
            Some("permanent") => Some(Lifetime::Permanent),
            Some(_) => return Err(bad_parameter("lifetime", "give `temporary` or `permanent`")),
        };
        let sort = match parameters.one("sort").as_deref() {
            None | Some("key") => FlagSort::Key,
            Some("updated") => FlagSort::Updated,
            Some(_) => return Err(bad_parameter("sort", "give `key` or `updated`")),
        };
        let filter = FlagFilter {
            search: filters::search(parameters),
            tags: filters::tags(parameters),
            kind,
            state: filters::state(parameters)?,
            lifetime,
            owner: parameters.parsed("owner", "the id of a user")?,
            client_side: parameters.parsed("client_side", "`true` or `false`")?,
            sort,
        };
        Ok(Self(filter, Page::take(parameters)?))
    }
}

/// List flags
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/flags", operation_id = "list_flags",
    tag = "flags", params(ProjectPath, FlagParameters, PageParameters),
    responses((status = 200, description = "A page", body = Flags)),
)]
pub(crate) async fn list_flags(
    State(app): State<App>,
    May { grant, path, .. }: May<right::FlagRead, ProjectPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<FlagSummary>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.flags(path.project(), &filter, &page).await?;
    if found.items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, FlagSummary::from))
}
