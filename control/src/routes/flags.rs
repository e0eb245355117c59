//! Flags, with their variations and their targeting in every environment.

mod create;
mod details;
mod explain;
mod history;
mod lifecycle;
mod list;
mod read;
mod targeting;
mod toggle;
mod variations;

use ff_domain::{Flag, FlagId, FlagState};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_flag, list::list_flags))
        .routes(routes!(read::get_flag, details::update_flag))
        .routes(routes!(lifecycle::archive_flag))
        .routes(routes!(lifecycle::restore_flag))
        .routes(routes!(history::get_flag_history))
        .routes(routes!(variations::add_variation))
        .routes(routes!(variations::update_variation, variations::remove_variation))
        .routes(routes!(targeting::get_flag_environment))
        .routes(routes!(targeting::replace_targeting))
        .routes(routes!(toggle::turn_on_flag))
        .routes(routes!(toggle::turn_off_flag))
        .routes(routes!(explain::explain_flag))
}

/// A flag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flag)]
pub(crate) struct FlagView {
    /// Its id; it follows from project and key.
    id: FlagId,
    #[serde(flatten)]
    state: FlagState,
    /// Whether it is put away: SDKs are answered as if it did not exist.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl View for FlagView {
    type Aggregate = Flag;

    fn of(aggregate: Flag, stamp: Stamp) -> Option<Self> {
        let (state, archived) = match aggregate {
            Flag::Absent => return None,
            Flag::Live(state) => (state, false),
            Flag::Archived(state) => (state, true),
        };
        Some(Self { id: state.id(), state, archived, stamp })
    }
}

impl From<Document<FlagState>> for FlagView {
    fn from(found: Document<FlagState>) -> Self {
        let stamp = Stamp::of(&found);
        let Document { state, archived, .. } = found;
        Self { id: state.id(), state, archived, stamp }
    }
}
