//! What experiments are made of: metrics, and the layers they share.

use ff_domain::{
    ExperimentKey, LayerId, LayerKey, LayerState, MetricId, MetricState, ProjectId, UserId,
};
use sqlx::QueryBuilder;

use super::{
    Document, Page, Queries, Slice, StateFilter, catalog::DOCUMENT, narrow::narrow, rows::Columns,
};
use crate::QueryError;

/// Which metrics of a project. They come by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricFilter {
    /// A text in key, name or description, whatever its case.
    pub search: Option<String>,
    /// Words that all are among the tags.
    pub tags: Vec<String>,
    /// What is computed: `binomial`, `mean`, `count`, `ratio`, `quantile`, `retention` or `funnel`.
    pub kind: Option<&'static str>,
    /// The name of an event that it is computed from.
    pub event: Option<String>,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Whether archived ones are in.
    pub state: StateFilter,
}

/// Which layers of a project. They come by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerFilter {
    /// A text in key, name or description, whatever its case.
    pub search: Option<String>,
    /// Whether archived ones are in.
    pub state: StateFilter,
}

impl Queries {
    /// The metrics of a project.
    pub async fn metrics(
        &self,
        project: ProjectId,
        filter: &MetricFilter,
        page: &Page,
    ) -> Result<Slice<Document<MetricState>>, QueryError> {
        let after: Option<String> = page.begin("metrics")?;
        let found = self
            .documents("metric", |schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT {DOCUMENT} FROM {schema}.metrics WHERE project = "
                ));
                query.push_bind(project.0);
                narrow(&mut query, filter.state, filter.search.as_deref(), &filter.tags);
                if let Some(kind) = filter.kind {
                    query.push(" AND kind = ").push_bind(kind);
                }
                if let Some(event) = &filter.event {
                    query.push(" AND ").push_bind(event).push(" = ANY (events)");
                }
                if let Some(owner) = filter.owner {
                    query.push(" AND owner = ").push_bind(owner.0);
                }
                if let Some(key) = &after {
                    query.push(" AND key > ").push_bind(key);
                }
                query.push(" ORDER BY key LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        Ok(Slice::cut(found, page, "metrics", |metric: &Document<MetricState>| {
            metric.state.key.to_string()
        }))
    }

    /// A metric.
    pub async fn metric(&self, id: MetricId) -> Result<Option<Document<MetricState>>, QueryError> {
        self.document("metric", "metrics", id.0).await
    }

    /// The layers of a project.
    pub async fn layers(
        &self,
        project: ProjectId,
        filter: &LayerFilter,
        page: &Page,
    ) -> Result<Slice<Document<LayerState>>, QueryError> {
        let after: Option<String> = page.begin("layers")?;
        let found = self
            .documents("layer", |schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT {DOCUMENT} FROM {schema}.layers WHERE project = "
                ));
                query.push_bind(project.0);
                narrow(&mut query, filter.state, filter.search.as_deref(), &[]);
                if let Some(key) = &after {
                    query.push(" AND key > ").push_bind(key);
                }
                query.push(" ORDER BY key LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        Ok(Slice::cut(found, page, "layers", |layer: &Document<LayerState>| {
            layer.state.key.to_string()
        }))
    }

    /// A layer.
    pub async fn layer(&self, id: LayerId) -> Result<Option<Document<LayerState>>, QueryError> {
        self.document("layer", "layers", id.0).await
    }

    /// The experiments that share a layer or leave out what it holds out, by key: drafts, and those that run or are
    /// paused.
    pub async fn experiments_in(
        &self,
        project: ProjectId,
        layer: &LayerKey,
    ) -> Result<Vec<ExperimentKey>, QueryError> {
        let rows = self
            .rows(|schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT id, key FROM {schema}.experiments WHERE NOT archived \
                     AND status IN ('draft', 'running', 'paused') AND project = "
                ));
                query.push_bind(project.0).push(" AND ").push_bind(layer.as_str());
                query.push(" = ANY (layers) ORDER BY key");
                query
            })
            .await?;
        rows.iter().map(|row| Columns::new("experiment", row)?.named("key")).collect()
    }
}
