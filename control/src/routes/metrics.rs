//! Metrics: what experiments are measured by.

mod create;
mod define;
mod details;
mod history;
mod lifecycle;
mod list;
mod read;

use std::collections::BTreeSet;

use ff_domain::{
    Item, Metric, MetricId, MetricKey, MetricState, ProjectId, UserId, metric::MetricDefinition,
};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_metric, list::list_metrics))
        .routes(routes!(read::get_metric, details::update_metric))
        .routes(routes!(define::replace_metric_definition))
        .routes(routes!(lifecycle::archive_metric))
        .routes(routes!(lifecycle::restore_metric))
        .routes(routes!(history::get_metric_history))
}

/// A metric.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metric)]
pub(crate) struct MetricView {
    /// Its id; it follows from project and key.
    id: MetricId,
    /// The project it belongs to.
    project: ProjectId,
    /// Its key, unique in the project.
    key: MetricKey,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    /// Words to find it by.
    tags: BTreeSet<String>,
    /// Who looks after it.
    owner: Option<UserId>,
    /// What is computed.
    definition: MetricDefinition,
    /// Counts the definitions, from 1: results say which one they are of.
    definition_version: u32,
    /// Whether it is put away: no experiment may use it.
    archived: bool,
    /// The experiments that would miss it, such as `experiment:checkout-colour`: drafts, and those that run or are
    /// paused. Only where one metric was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    used_by: Option<Vec<Item>>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl MetricView {
    fn new(state: MetricState, archived: bool, stamp: Stamp) -> Self {
        let id = state.id();
        // The number of a definition is not that of the aggregate, which `version` is everywhere.
        let MetricState { project, key, name, description, tags, owner, definition, version } =
            state;
        Self {
            id,
            project,
            key,
            name,
            description,
            tags,
            owner,
            definition,
            definition_version: version,
            archived,
            used_by: None,
            stamp,
        }
    }

    fn used_by(mut self, items: Vec<Item>) -> Self {
        self.used_by = Some(items);
        self
    }
}

impl View for MetricView {
    type Aggregate = Metric;

    fn of(aggregate: Metric, stamp: Stamp) -> Option<Self> {
        match aggregate {
            Metric::Absent => None,
            Metric::Live(state) => Some(Self::new(state, false, stamp)),
            Metric::Archived(state) => Some(Self::new(state, true, stamp)),
        }
    }
}

impl From<Document<MetricState>> for MetricView {
    fn from(found: Document<MetricState>) -> Self {
        let stamp = Stamp::of(&found);
        Self::new(found.state, found.archived, stamp)
    }
}
