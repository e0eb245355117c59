//! Environments: the stages of deployment of a project.

mod create;
mod details;
mod lifecycle;
mod read;

use ff_domain::{Environment, EnvironmentId, EnvironmentState};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_environment, read::list_environments))
        .routes(routes!(read::get_environment, details::update_environment))
        .routes(routes!(lifecycle::archive_environment))
        .routes(routes!(lifecycle::restore_environment))
}

/// An environment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
pub(crate) struct EnvironmentView {
    /// Its id; it follows from project and key.
    id: EnvironmentId,
    #[serde(flatten)]
    state: EnvironmentState,
    /// Whether it is put away: its keys do not work.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl View for EnvironmentView {
    type Aggregate = Environment;

    fn of(aggregate: Environment, stamp: Stamp) -> Option<Self> {
        let (state, archived) = match aggregate {
            Environment::Absent => return None,
            Environment::Live(state) => (state, false),
            Environment::Archived(state) => (state, true),
        };
        Some(Self { id: state.id(), state, archived, stamp })
    }
}

impl From<Document<EnvironmentState>> for EnvironmentView {
    fn from(found: Document<EnvironmentState>) -> Self {
        let stamp = Stamp::of(&found);
        let Document { state, archived, .. } = found;
        Self { id: state.id(), state, archived, stamp }
    }
}

/// Environments.
#[derive(Serialize, ToSchema)]
pub(crate) struct Environments {
    /// All of them.
    items: Vec<EnvironmentView>,
    /// Always null: a project's environments come at once.
    next_cursor: Option<String>,
}
