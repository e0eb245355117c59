//! Projects: what groups environments, flags and segments.

mod create;
mod details;
mod read;

use ff_domain::{OrganizationId, Project, ProjectId, ProjectState};
use ff_projections::queries::{Document, ProjectRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_project, read::list_projects))
        .routes(routes!(read::get_project, details::update_project))
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectView {
    /// Its id; it follows from organization and key.
    id: ProjectId,
    /// The organization it belongs to.
    organization: OrganizationId,
    /// Its key, unique in the organization.
    key: String,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    #[serde(flatten)]
    stamp: Stamp,
}

impl ProjectView {
    fn new(state: ProjectState, stamp: Stamp) -> Self {
        Self {
            id: state.id(),
            organization: state.organization,
            key: state.key.to_string(),
            name: state.name,
            description: state.description,
            stamp,
        }
    }
}

impl View for ProjectView {
    type Aggregate = Project;

    fn of(aggregate: Project, stamp: Stamp) -> Option<Self> {
        match aggregate {
            Project::Absent => None,
            Project::Live(state) => Some(Self::new(state, stamp)),
        }
    }
}

impl From<Document<ProjectState>> for ProjectView {
    fn from(found: Document<ProjectState>) -> Self {
        let stamp = Stamp::of(&found);
        Self::new(found.state, stamp)
    }
}

impl From<ProjectRow> for ProjectView {
    fn from(row: ProjectRow) -> Self {
        Self {
            id: row.id,
            organization: row.organization,
            key: row.key,
            name: row.name,
            description: row.description,
            stamp: Stamp::at(row.version, row.position, row.created_at, row.updated_at),
        }
    }
}

/// A page of projects.
#[derive(Serialize, ToSchema)]
pub(crate) struct Projects {
    /// The page.
    items: Vec<ProjectView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}
