//! Segments: named groups of users.

mod create;
mod details;
mod history;
mod lifecycle;
mod list;
mod members;
mod read;

use ff_domain::{Item, Segment, SegmentId, SegmentState};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

/// The largest body that describes a segment: lists of users are long.
const LIMIT: usize = 8 * 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_segment, list::list_segments))
        .routes(routes!(read::get_segment, details::update_segment))
        .routes(routes!(members::replace_segment_members))
        .routes(routes!(lifecycle::archive_segment))
        .routes(routes!(lifecycle::restore_segment))
        .routes(routes!(history::get_segment_history))
}

/// A segment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Segment)]
pub(crate) struct SegmentView {
    /// Its id; it follows from project and key.
    id: SegmentId,
    #[serde(flatten)]
    state: SegmentState,
    /// Whether it is put away: no rule may mention it.
    archived: bool,
    /// The flags and segments that mention it, such as `flag:checkout`. Absent in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    used_by: Option<Vec<Item>>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl View for SegmentView {
    type Aggregate = Segment;

    fn of(aggregate: Segment, stamp: Stamp) -> Option<Self> {
        let (state, archived) = match aggregate {
            Segment::Absent => return None,
            Segment::Live(state) => (state, false),
            Segment::Archived(state) => (state, true),
        };
        Some(Self { id: state.id(), state, archived, used_by: None, stamp })
    }
}

impl SegmentView {
    fn found(found: Document<SegmentState>, used_by: Vec<Item>) -> Self {
        let stamp = Stamp::of(&found);
        let Document { state, archived, .. } = found;
        Self { id: state.id(), state, archived, used_by: Some(used_by), stamp }
    }
}
