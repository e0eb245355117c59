//! Who belongs to an organization.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::MembershipState;
use ff_identity::Person;
use ff_projections::ProjectionName;
use ff_projections::queries::Document;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::MembershipView;
use crate::App;
use crate::problem::Problem;
use crate::request::{May, Page, PageParameters, Query};
use crate::respond::{Answer, Listed, Stamp};
use crate::routes::paths::{MemberPath, OrgPath};

/// Somebody who belongs to an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberView {
    /// What others call them; null of somebody who was erased.
    name: Option<String>,
    /// Where they get mail; null of somebody who was erased.
    email: Option<String>,
    /// Whether they belong to this organization alone, whose identity provider answers for them.
    managed: bool,
    /// When they were first let in.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[serde(flatten)]
    membership: MembershipView,
}

impl MemberView {
    fn new(found: Document<MembershipState>, people: &HashMap<Uuid, Person>) -> Self {
        let person = people.get(&found.state.user.0);
        let (since, stamp) = (found.created_at, Stamp::of(&found));
        Self {
            name: person.and_then(|person| person.name.clone()),
            email: person.and_then(|person| person.email.clone()),
            managed: person.is_some_and(|person| person.organization.is_some()),
            since,
            membership: MembershipView::new(found.state, !found.archived, stamp),
        }
    }
}

/// A page of members.
#[derive(Serialize, ToSchema)]
#[schema(as = OrganizationMembers)]
pub(crate) struct Members {
    /// The page.
    items: Vec<MemberView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// List members
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/members", operation_id = "list_members", tag = "members",
    params(OrgPath, PageParameters),
    responses((status = 200, description = "A page, in the order they were first let in", body = Members)),
)]
pub(crate) async fn list_members(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MembershipRead, OrgPath>,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<MemberView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.memberships(path.org(), &page).await?;
    let ids: Vec<_> = found.items.iter().map(|member| member.state.user.0).collect();
    let people = app.people.find_many(&ids).await?;
    Ok(Listed::of(found, position, &uri, |member| MemberView::new(member, &people)))
}

/// Get a member
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/members/{user}", operation_id = "get_member", tag = "members",
    params(MemberPath),
    responses((status = 200, description = "The member", body = MemberView)),
)]
pub(crate) async fn get_member(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MembershipRead, MemberPath>,
) -> Result<Answer<MemberView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.membership(path.id()).await?.filter(|member| !member.archived);
    let found = found.ok_or_else(Problem::not_found)?;
    let people = app.people.find_many(&[path.user.0]).await?;
    let version = found.version;
    Ok(Answer::found(MemberView::new(found, &people), Some(version), position))
}
