//! How far the read models are: waiting for a position, and knowing which generation is read.
//!
//! One connection listens for what the projections announce, and everyone who waits shares it. Announcements may be
//! lost with the connection, so who waits also looks for itself now and then.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use ff_eventlog::Position;
use jiff::Timestamp;
use sqlx::{PgPool, Row as _, postgres::PgListener};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::Queries;
use crate::{
    ProjectionName, QueryError,
    checkpoint::{Announcement, CHANNEL},
    name::Schema,
};

/// How long what is known of a generation is taken for true.
const FRESH: Duration = Duration::from_secs(1);
/// How often who waits looks for itself, in case an announcement was lost.
const LOOK: Duration = Duration::from_millis(50);
/// How long after a failure the announcements are asked for again.
const RECONNECT: Duration = Duration::from_secs(1);

impl Queries {
    /// Waits until the lists and details have come to `position`, at most for `limit`.
    pub async fn wait_for(&self, position: Position, limit: Duration) -> Result<(), QueryError> {
        self.wait_for_projection(ProjectionName::Catalog, position, limit).await
    }

    /// Waits until a projection has come to `position`, at most for `limit`.
    pub async fn wait_for_projection(
        &self,
        projection: ProjectionName,
        position: Position,
        limit: Duration,
    ) -> Result<(), QueryError> {
        self.known.wait(projection, position, limit).await
    }

    /// How far a projection is: whatever is read after this knows at least so much.
    pub async fn position(&self, projection: ProjectionName) -> Result<Position, QueryError> {
        Ok(self.known.look(projection).await?.position)
    }

    /// How the projections are doing: every generation, the newest of each projection first.
    pub async fn status(&self) -> Result<Vec<ProjectionStatus>, QueryError> {
        let rows = sqlx::query(
            "SELECT name, generation, state, position, error, updated_at, \
             (SELECT count(*) FROM projection.parked p \
               WHERE p.name = c.name AND p.generation = c.generation) AS parked \
             FROM projection.checkpoint c ORDER BY name, generation DESC",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|source| QueryError::from_sql(ProjectionName::Catalog, source))?;
        let read = |row: &sqlx::postgres::PgRow| -> Result<_, sqlx::Error> {
            Ok(ProjectionStatus {
                name: row.try_get("name")?,
                generation: row.try_get("generation")?,
                state: CheckpointState::of(row.try_get("state")?),
                position: Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO),
                error: row.try_get("error")?,
                updated_at: row.try_get::<jiff_sqlx::Timestamp, _>("updated_at")?.to_jiff(),
                parked: row.try_get::<i64, _>("parked")?.cast_unsigned(),
            })
        };
        rows.iter()
            .map(|row| read(row).map_err(|e| QueryError::from_sql(ProjectionName::Catalog, e)))
            .collect()
    }

    /// Aggregates that a projection could not follow, in the generation that is read.
    pub async fn parked(
        &self,
        projection: ProjectionName,
    ) -> Result<Vec<ParkedAggregate>, QueryError> {
        let schema = self.known.schema(projection).await?;
        let rows = sqlx::query(
            "SELECT org, aggregate_type, aggregate_id, first_position, commits, error \
             FROM projection.parked WHERE name = $1 AND generation = $2 ORDER BY first_position",
        )
        .bind(projection.as_str())
        .bind(schema.generation)
        .fetch_all(&self.pool)
        .await
        .map_err(|source| QueryError::from_sql(projection, source))?;
        let read = |row: &sqlx::postgres::PgRow| -> Result<_, sqlx::Error> {
            Ok(ParkedAggregate {
                organization: row.try_get("org")?,
                kind: row.try_get("aggregate_type")?,
                id: row.try_get("aggregate_id")?,
                position: Position::from_i64(row.try_get("first_position")?)
                    .unwrap_or(Position::ZERO),
                commits: row.try_get::<i64, _>("commits")?.cast_unsigned(),
                error: row.try_get("error")?,
            })
        };
        rows.iter()
            .map(|row| read(row).map_err(|source| QueryError::from_sql(projection, source)))
            .collect()
    }
}

/// How a generation of a projection is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionStatus {
    /// The projection's name.
    pub name: String,
    /// The generation.
    pub generation: i32,
    /// What it is there for.
    pub state: CheckpointState,
    /// The last commit that is in it.
    pub position: Position,
    /// Why it halted.
    pub error: Option<String>,
    /// When its checkpoint moved last.
    pub updated_at: Timestamp,
    /// How many aggregates it could not follow.
    pub parked: u64,
}

/// What a generation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointState {
    /// It is being filled beside the one that is read.
    Building,
    /// It is read.
    Live,
    /// It was read before; the next rebuild drops it.
    Retired,
    /// It is read, but could not go on.
    Halted,
}

impl CheckpointState {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "building" => Self::Building,
            "live" => Self::Live,
            "retired" => Self::Retired,
            _ => Self::Halted,
        }
    }
}

/// An aggregate that a read model could not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedAggregate {
    /// Its organization.
    pub organization: Uuid,
    /// What it is.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// The commit that could not be applied.
    pub position: Position,
    /// How many of its commits were passed over.
    pub commits: u64,
    /// Why.
    pub error: String,
}

/// What was last heard of a projection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) schema: Schema,
    position: Position,
    at: Instant,
}

/// What is known of the checkpoints.
#[derive(Debug)]
pub(crate) struct Known {
    pool: PgPool,
    seen: watch::Sender<BTreeMap<ProjectionName, Seen>>,
    listener: OnceLock<AbortHandle>,
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
    }
}

impl Known {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, seen: watch::Sender::default(), listener: OnceLock::new() }
    }

    /// Where the tables of the generation are that is read.
    pub(crate) async fn schema(&self, name: ProjectionName) -> Result<Schema, QueryError> {
        match self.last(name).filter(|seen| seen.at.elapsed() < FRESH) {
            Some(seen) => Ok(seen.schema),
            None => Ok(self.look(name).await?.schema),
        }
    }

    /// Asks Postgres.
    pub(crate) async fn look(&self, name: ProjectionName) -> Result<Seen, QueryError> {
        let row = sqlx::query(
            "SELECT generation, position FROM projection.checkpoint \
             WHERE name = $1 AND state IN ('live', 'halted')",
        )
        .bind(name.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|source| QueryError::from_sql(name, source))?
        .ok_or(QueryError::NotBuilt { projection: name })?;
        let read = || -> Result<_, sqlx::Error> {
            let position = Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO);
            Ok((name.schema(row.try_get("generation")?), position))
        };
        let (schema, position) = read().map_err(|source| QueryError::from_sql(name, source))?;
        let seen = Seen { schema, position, at: Instant::now() };
        note(&self.seen, name, seen);
        Ok(seen)
    }

    async fn wait(
        &self,
        projection: ProjectionName,
        wanted: Position,
        limit: Duration,
    ) -> Result<(), QueryError> {
        let there = |seen: &Seen| seen.position >= wanted;
        if self.last(projection).is_some_and(|seen| there(&seen)) {
            return Ok(());
        }
        self.listen();
        let began = Instant::now();
        let mut news = self.seen.subscribe();
        loop {
            let seen = self.look(projection).await?;
            let looked = Instant::now();
            if there(&seen) {
                return Ok(());
            }
            // Until the next look, every announcement is a chance.
            loop {
                let left = limit.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return Err(QueryError::Behind {
                        projection,
                        wanted,
                        found: self.last(projection).map_or(seen.position, |seen| seen.position),
                        waited: limit,
                    });
                }
                let patience = LOOK.saturating_sub(looked.elapsed()).min(left);
                if timeout(patience, news.changed()).await.is_err() {
                    break;
                }
                if self.last(projection).is_some_and(|seen| there(&seen)) {
                    return Ok(());
                }
            }
        }
    }

    fn last(&self, name: ProjectionName) -> Option<Seen> {
        self.seen.borrow().get(&name).copied()
    }

    fn listen(&self) {
        self.listener.get_or_init(|| {
            tokio::spawn(listen(self.pool.clone(), self.seen.clone())).abort_handle()
        });
    }
}

/// A newer generation counts whatever its position, an older one never.
fn note(all: &watch::Sender<BTreeMap<ProjectionName, Seen>>, name: ProjectionName, new: Seen) {
    all.send_if_modified(|all| {
        let newer = all.get(&name).is_none_or(|old| {
            (new.schema.generation, new.position) >= (old.schema.generation, old.position)
        });
        if newer {
            all.insert(name, new);
        }
        newer
    });
}

async fn listen(pool: PgPool, seen: watch::Sender<BTreeMap<ProjectionName, Seen>>) {
    loop {
        // Whoever waits looks for itself as long as there are no announcements.
        if let Err(error) = follow(&pool, &seen).await {
            tracing::debug!(%error, "projections.announcements_lost");
        }
        sleep(RECONNECT).await;
    }
}

async fn follow(
    pool: &PgPool,
    seen: &watch::Sender<BTreeMap<ProjectionName, Seen>>,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let notification = listener.recv().await?;
        if let Ok(Announcement { schema, position }) = notification.payload().parse() {
            note(seen, schema.name, Seen { schema, position, at: Instant::now() });
        }
    }
}
