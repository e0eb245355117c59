//! Layers: experiments of one layer never share a user, and what a layer holds out is in none of them.

mod create;
mod details;
mod lifecycle;
mod list;
mod read;

use ff_domain::{ExperimentKey, Layer, LayerId, LayerState};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_layer, list::list_layers))
        .routes(routes!(read::get_layer, details::update_layer))
        .routes(routes!(lifecycle::archive_layer))
        .routes(routes!(lifecycle::restore_layer))
}

/// A layer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Layer)]
pub(crate) struct LayerView {
    /// Its id; it follows from project and key.
    id: LayerId,
    #[serde(flatten)]
    state: LayerState,
    /// Whether it is put away: no experiment may use it.
    archived: bool,
    /// Keys of the experiments that share it or leave out what it holds out: drafts, and those that run or are
    /// paused. Only where one layer was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    used_by: Option<Vec<ExperimentKey>>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl LayerView {
    fn used_by(mut self, experiments: Vec<ExperimentKey>) -> Self {
        self.used_by = Some(experiments);
        self
    }
}

impl View for LayerView {
    type Aggregate = Layer;

    fn of(aggregate: Layer, stamp: Stamp) -> Option<Self> {
        let (state, archived) = match aggregate {
            Layer::Absent => return None,
            Layer::Live(state) => (state, false),
            Layer::Archived(state) => (state, true),
        };
        Some(Self { id: state.id(), state, archived, used_by: None, stamp })
    }
}

impl From<Document<LayerState>> for LayerView {
    fn from(found: Document<LayerState>) -> Self {
        let stamp = Stamp::of(&found);
        let Document { state, archived, .. } = found;
        Self { id: state.id(), state, archived, used_by: None, stamp }
    }
}
