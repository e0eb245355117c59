//! Rebuilding a projection beside the one that is read.
//!
//! The new generation is filled from the beginning of the log in a schema of its own, without the indexes that only
//! reading needs. When it has come to the end, they are made; then the generation that is read is held still, the rest
//! is caught up with, and the two change places in one transaction. The old one stays until the next rebuild.

use std::time::Duration;

use ff_eventlog::{EventLog, Position};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::Instant;

use crate::{
    PoisonError, ProjectionError, ProjectionName,
    archive::Archive,
    audit::Audit,
    catalog::Catalog,
    checkpoint::{Announcement, Checkpoint},
    feed::{Batch, BatchLimits, Feed},
    name::Schema,
    parked::Parked,
    projection::{OnPoison, Projection, make},
    runner::{Purpose, connect, is_poison, try_lock},
    writer::{pass_over, take_one_by_one},
};

const LIMITS: BatchLimits = BatchLimits { commits: 1000, bytes: 8 << 20 };
/// How many commits go in a transaction: the more, the fewer times an aggregate is written.
const TRANSACTION: u64 = 50_000;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// What is rebuilt.
    pub projection: ProjectionName,
    /// The generation that is being filled.
    pub generation: i32,
    /// How many commits were applied.
    pub commits: u64,
    /// The last of them.
    pub position: Position,
    /// The end of the log when the rebuild began.
    pub head: Position,
}

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayReport {
    /// What was rebuilt.
    pub projection: ProjectionName,
    /// The generation that is read now.
    pub generation: i32,
    /// The one that was read before.
    pub replaced: Option<i32>,
    /// How many commits were applied.
    pub commits: u64,
    /// The last of them.
    pub position: Position,
    /// How many aggregates could not be followed.
    pub parked: usize,
    /// How long it took.
    pub took: Duration,
}

/// Rebuilds a projection beside the one that is read, and lets it take its place.
///
/// After an error, what was read before is read on.
pub async fn replay<L: EventLog>(
    log: &L,
    pool: &PgPool,
    projection: ProjectionName,
    progress: impl FnMut(ReplayProgress) + Send,
) -> Result<ReplayReport, ProjectionError> {
    match projection {
        ProjectionName::Catalog => Rebuild::<Catalog>::run(log, pool, progress).await,
        ProjectionName::Audit => Rebuild::<Audit>::run(log, pool, progress).await,
        ProjectionName::Archive => Rebuild::<Archive>::run(log, pool, progress).await,
    }
}

/// Rebuilds a projection whose tables are of another shape than this program writes.
pub(crate) async fn renew<L: EventLog, P: Projection>(
    log: &L,
    pool: &PgPool,
) -> Result<(), ProjectionError> {
    tracing::info!(projection = %P::NAME, format = P::FORMAT, "projection.renewing");
    let report = Rebuild::<P>::run(log, pool, |_| {}).await?;
    let ReplayReport { generation, commits, took, .. } = report;
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(projection = %P::NAME, generation, commits, took_ms, "projection.renewed");
    Ok(())
}

struct Rebuild<P> {
    schema: Schema,
    position: Position,
    commits: u64,
    projection: P,
    parked: Parked,
    /// Up to here every commit is taken by itself, because one of them is poison.
    one_by_one: Position,
}

impl<P: Projection> Rebuild<P> {
    async fn run<L: EventLog>(
        log: &L,
        pool: &PgPool,
        mut progress: impl FnMut(ReplayProgress) + Send,
    ) -> Result<ReplayReport, ProjectionError> {
        let began = Instant::now();
        let mut connection = connect(pool).await?;
        if !try_lock::<P>(&mut connection, Purpose::Rebuild).await? {
            return Err(ProjectionError::ReplayRunning { projection: P::NAME });
        }
        let head = log.head().await?;
        let schema = prepare::<P>(&mut connection)
            .await
            .map_err(ProjectionError::sql("prepare a new generation"))?;
        let mut rebuild = Self {
            schema,
            position: Position::ZERO,
            commits: 0,
            projection: P::default(),
            parked: Parked::default(),
            one_by_one: Position::ZERO,
        };
        let mut feed = Feed::start(log, Position::ZERO);
        loop {
            let caught_up = match rebuild.transaction(&mut connection, &mut feed).await {
                Ok(caught_up) => caught_up.is_some(),
                Err(Step::Again(reached)) => {
                    // Once more from the last checkpoint, with care.
                    rebuild.one_by_one = reached;
                    rebuild.projection.forget();
                    rebuild.parked = Parked::load(&mut connection, schema)
                        .await
                        .map_err(ProjectionError::sql("read what is parked"))?;
                    feed = Feed::start(log, rebuild.position);
                    false
                }
                Err(Step::Failed(error)) => return Err(error),
            };
            let Self { position, commits, .. } = rebuild;
            let generation = schema.generation;
            progress(ReplayProgress { projection: P::NAME, generation, commits, position, head });
            if caught_up {
                break;
            }
        }
        make(&mut connection, schema, P::INDEXES)
            .await
            .map_err(ProjectionError::sql("make the indexes"))?;
        let replaced = rebuild.flip(&mut connection, &mut feed).await?;
        let Self { commits, position, parked, .. } = rebuild;
        Ok(ReplayReport {
            projection: P::NAME,
            generation: schema.generation,
            replaced,
            commits,
            position,
            parked: parked.len(),
            took: began.elapsed(),
        })
    }

    /// Applies the next commits with their checkpoint; some if the end of the log is reached.
    async fn transaction(
        &mut self,
        connection: &mut PgConnection,
        feed: &mut Feed,
    ) -> Result<Option<()>, Step> {
        let error = ProjectionError::sql("apply commits");
        let (from, before) = (self.position, self.commits);
        let mut transaction = connection.begin().await.map_err(&error)?;
        let written = async {
            let mut caught_up = None;
            while caught_up.is_none() && self.commits - before < TRANSACTION {
                caught_up = self.batch(&mut transaction, feed).await?;
            }
            self.write(&mut transaction).await?;
            Ok(caught_up)
        };
        match written.await {
            Ok(caught_up) => {
                transaction.commit().await.map_err(&error)?;
                Ok(caught_up)
            }
            Err(Trouble::Database(refused)) if is_poison(&refused) => {
                transaction.rollback().await.map_err(&error)?;
                let reached = std::mem::replace(&mut self.position, from);
                self.commits = before;
                Err(Step::Again(reached))
            }
            Err(trouble) => Err(Step::Failed(trouble.into_error::<P>())),
        }
    }

    /// Takes the next batch; some if it is the last.
    async fn batch(
        &mut self,
        transaction: &mut PgConnection,
        feed: &mut Feed,
    ) -> Result<Option<()>, Trouble> {
        let mut batch = Batch::default();
        let filled = feed.fill(&mut batch, LIMITS).await;
        filled.map_err(ProjectionError::Log)?.ok_or(ProjectionError::TailEnded)?;
        // Also when it fails: whoever looks for the poison must look this far.
        self.position = self.position.max(batch.end().unwrap_or(self.position));
        let Self { schema, projection, parked, .. } = self;
        let careful = batch.commits.first().is_some_and(|first| first.position <= self.one_by_one);
        if careful {
            let tried = take_one_by_one(projection, transaction, *schema, &batch.commits, parked);
            if let Some((index, error)) = tried.await? {
                let position = batch.commits[index].position;
                return Err(Trouble::Poison(position, PoisonError::Refused(error)));
            }
        } else {
            projection.take(transaction, *schema, &batch.commits, parked).await?;
        }
        self.commits += batch.commits.len() as u64;
        if let Some(defect) = batch.damaged {
            match P::ON_POISON {
                OnPoison::Park => self.position = self.position.max(pass_over(*schema, &defect)),
                OnPoison::Halt => {
                    return Err(Trouble::Poison(defect.position(), PoisonError::Damaged(defect)));
                }
            }
        }
        Ok(batch.caught_up.map(drop))
    }

    async fn write(&mut self, transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.projection.flush(transaction, self.schema).await?;
        self.parked.flush(transaction, self.schema).await?;
        Checkpoint::advance(transaction, self.schema, self.position).await
    }

    /// Holds still what is read, catches up with it, and takes its place.
    async fn flip(
        &mut self,
        connection: &mut PgConnection,
        feed: &mut Feed,
    ) -> Result<Option<i32>, ProjectionError> {
        let error = ProjectionError::sql("let the new generation take over");
        make(connection, self.schema, "SET synchronous_commit TO on").await.map_err(&error)?;
        let mut transaction = connection.begin().await.map_err(&error)?;
        let live = Checkpoint::hold_live(&mut transaction, P::NAME).await.map_err(&error)?;
        let there = live.map_or(Position::ZERO, |live| live.position);
        while self.position < there {
            self.batch(&mut transaction, feed).await.map_err(Trouble::into_error::<P>)?;
        }
        self.write(&mut transaction).await.map_err(&error)?;
        if let Some(live) = live {
            Checkpoint::set_state(&mut transaction, live.schema, "retired", None)
                .await
                .map_err(&error)?;
        }
        Checkpoint::set_state(&mut transaction, self.schema, "live", None).await.map_err(&error)?;
        let announcement = Announcement { schema: self.schema, position: self.position };
        announcement.send(&mut transaction).await.map_err(&error)?;
        transaction.commit().await.map_err(&error)?;
        Ok(live.map(|live| live.schema.generation))
    }
}

/// Drops what earlier rebuilds left, and makes the tables of a new generation.
async fn prepare<P: Projection>(connection: &mut PgConnection) -> Result<Schema, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let last: Option<i32> =
        sqlx::query_scalar("SELECT max(generation) FROM projection.checkpoint WHERE name = $1")
            .bind(P::NAME.as_str())
            .fetch_one(&mut *transaction)
            .await?;
    let left: Vec<i32> = sqlx::query_scalar(
        "DELETE FROM projection.checkpoint \
         WHERE name = $1 AND state IN ('building', 'retired') RETURNING generation",
    )
    .bind(P::NAME.as_str())
    .fetch_all(&mut *transaction)
    .await?;
    for generation in left {
        let schema = P::NAME.schema(generation);
        make(&mut transaction, schema, "DROP SCHEMA IF EXISTS {schema} CASCADE").await?;
    }
    let schema = P::NAME.schema(last.unwrap_or(0) + 1);
    Checkpoint::insert(&mut transaction, schema, "building", P::FORMAT).await?;
    make(&mut transaction, schema, "CREATE SCHEMA {schema}").await?;
    make(&mut transaction, schema, P::TABLES).await?;
    transaction.commit().await?;
    Ok(schema)
}

/// How a transaction of a rebuild did not come about.
enum Step {
    /// One commit up to there is poison, and is to be found.
    Again(Position),
    Failed(ProjectionError),
}

impl From<ProjectionError> for Step {
    fn from(error: ProjectionError) -> Self {
        Self::Failed(error)
    }
}

enum Trouble {
    Database(sqlx::Error),
    Poison(Position, PoisonError),
    Other(ProjectionError),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<ProjectionError> for Trouble {
    fn from(error: ProjectionError) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    fn into_error<P: Projection>(self) -> ProjectionError {
        match self {
            Self::Database(error) => ProjectionError::sql("apply commits")(error),
            Self::Poison(position, source) => {
                ProjectionError::Poisoned { projection: P::NAME, position, source }
            }
            Self::Other(error) => error,
        }
    }
}
