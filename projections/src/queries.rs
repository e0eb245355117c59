//! Reading: lists and details, the audit log, history and states of the past.
//!
//! Which generation is read is found out per query (and kept for a second), so a rebuild swaps under the readers
//! without their notice. [`Queries::wait_for`] lets a reader see its own writes.

mod access;
mod archive;
mod audit;
mod catalog;
mod dossier;
mod experiments;
mod flags;
mod measures;
mod narrow;
mod page;
mod position;
mod rows;

use std::{future::Future, sync::Arc};

use sqlx::PgPool;

use crate::{ProjectionName, QueryError, database::Failure, name::Schema};
pub use access::ApiKeyFilter;
pub use archive::{HistoryEntry, Past};
pub use audit::{AuditEntry, AuditFilter};
pub use catalog::SegmentFilter;
pub use dossier::{ActiveExperiment, Dossier};
pub use experiments::{ExperimentFilter, ExperimentRow, ExperimentSort};
pub use flags::{FlagFilter, FlagSort};
pub use measures::{LayerFilter, MetricFilter};
pub use page::{Page, Slice};
pub use position::{CheckpointState, ParkedAggregate, ProjectionStatus};
pub use rows::{ApiKeyRow, Document, FlagRow, ProjectRow, SegmentRow, StateFilter};

/// Reads what the projections have written. Cheap to clone; clones share what they know of the checkpoints.
#[derive(Debug, Clone)]
pub struct Queries {
    pool: PgPool,
    known: Arc<position::Known>,
}

impl Queries {
    /// Over a pool of connections. How long a query waits for a connection is the pool's `acquire_timeout`.
    pub fn new(pool: PgPool) -> Self {
        let known = Arc::new(position::Known::new(pool.clone()));
        Self { pool, known }
    }

    /// Runs a query on the generation that is read now; once more if that was dropped meanwhile.
    async fn read<T, Answer>(
        &self,
        name: ProjectionName,
        query: impl Fn(Schema) -> Answer,
    ) -> Result<T, QueryError>
    where
        Answer: Future<Output = Result<T, QueryError>>,
    {
        let schema = self.known.schema(name).await?;
        match query(schema).await {
            Err(QueryError::Refused { source, .. })
                if Failure::of(&source) == Failure::MissingTable =>
            {
                match query(self.known.look(name).await?.schema).await {
                    // Built by a version that knew no such table; the projector is about to replace it.
                    Err(QueryError::Refused { source, .. })
                        if Failure::of(&source) == Failure::MissingTable =>
                    {
                        Err(QueryError::NotBuilt { projection: name })
                    }
                    answer => answer,
                }
            }
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff_domain::{Flag, FlagId, OrganizationId, ProjectId};

    fn is_send<T: Send>(_: T) {}

    /// A server's handlers must be able to wait for every kind of query.
    #[test]
    #[allow(dead_code, clippy::let_underscore_future, reason = "it is only compiled")]
    fn answers_can_be_awaited_on_any_thread() {
        fn check(
            queries: &Queries,
            organization: OrganizationId,
            project: ProjectId,
            flag: FlagId,
        ) {
            let page = Page::default();
            is_send(queries.flags(project, &FlagFilter::default(), &page));
            is_send(queries.flag(flag));
            is_send(queries.projects(organization, None, &page));
            is_send(queries.environments(project));
            is_send(queries.audit(organization, &AuditFilter::default(), &page));
            is_send(queries.history::<Flag>(flag.0, &page));
            is_send(queries.as_of::<Flag>(flag.0, ff_eventlog::Position::ZERO));
        }
    }
}
