//! One projection, followed for ever: through outages of Postgres, other replicas and rebuilds.
//!
//! Of several replicas one works, whoever holds the advisory lock; the others stand by. The lock is only there to keep
//! them from working against each other. That each commit counts once is due to the checkpoint: it is locked, compared
//! and moved in the transaction that writes the rows.

use std::{cmp::Ordering, time::Duration};

use ff_eventlog::{EventLog, Position};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use tokio::time::{Instant, sleep};

use crate::{
    ProjectionError,
    checkpoint::Checkpoint,
    database::Failure,
    feed::{Batch, BatchLimits, Feed},
    projection::{Projection, make},
    replay::renew,
    writer::{Applied, Writer, causes},
};

/// While there is little to do: what comes together is written together.
const LIVE: BatchLimits = BatchLimits { commits: 256, bytes: 4 << 20 };
/// While there is much to catch up with.
const BEHIND: BatchLimits = BatchLimits { commits: 1000, bytes: 8 << 20 };

/// How often a replica that stands by looks whether it can work.
const STANDBY: Duration = Duration::from_millis(200);
/// How often it asks how far behind it is while it is.
const ASK: Duration = Duration::from_secs(1);
/// How often a halted one looks whether a rebuild has replaced what it halted at.
const HALTED: Duration = Duration::from_secs(1);
const BACKOFF: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(5);

/// Locks of the runners and of the rebuilds, apart by their second number.
const LOCKS: i32 = 0x4646_5052;

/// Follows the log for ever. It can be dropped at any moment, as a crash would.
pub(crate) async fn run<L: EventLog, P: Projection>(log: L, pool: PgPool) {
    let mut pause = *BACKOFF.start();
    let mut failing = false;
    loop {
        let error = match session::<L, P>(&log, &pool, &mut failing, &mut pause).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        if !failing {
            failing = true;
            tracing::error!(projection = %P::NAME, error = %causes(&error), "projection.interrupted");
        }
        sleep(pause).await;
        pause = (pause * 2).min(*BACKOFF.end());
    }
}

/// Works until someone else does, or until the generation is not read any more.
async fn session<L: EventLog, P: Projection>(
    log: &L,
    pool: &PgPool,
    failing: &mut bool,
    pause: &mut Duration,
) -> Result<(), ProjectionError> {
    let mut connection = connect(pool).await?;
    if !is_fit::<L, P>(&mut connection, log, pool).await? {
        sleep(STANDBY).await;
        return Ok(());
    }
    while !try_lock::<P>(&mut connection, Purpose::Run).await? {
        sleep(STANDBY).await;
    }
    let error = ProjectionError::sql("open a generation");
    let checkpoint = live_or_new::<P>(&mut connection).await.map_err(&error)?;
    if checkpoint.format != P::FORMAT {
        // Someone else has rebuilt it while this replica stood by.
        return Ok(());
    }
    let mut writer = Writer::<P>::new(connection, checkpoint).await.map_err(&error)?;
    let mut feed = Feed::start(log, writer.position);
    let mut head = log.head().await?;
    let mut asked = Instant::now();
    loop {
        let behind = feed.head() < head;
        let mut batch = Batch::default();
        let limits = if behind { BEHIND } else { LIVE };
        feed.fill(&mut batch, limits).await?.ok_or(ProjectionError::TailEnded)?;
        head = head.max(batch.end().unwrap_or(head));
        if batch.caught_up.is_none() && asked.elapsed() > ASK {
            asked = Instant::now();
            head = log.head().await.map_or(head, |now| now.max(head));
        }
        if batch.commits.is_empty()
            && batch.damaged.is_none()
            && batch.end().is_none_or(|end| end <= writer.position)
        {
            continue;
        }
        let (began, commits) = (Instant::now(), batch.commits.len());
        let applied = writer
            .apply(&mut batch)
            .await
            .map_err(ProjectionError::sql("apply a batch of commits"))?;
        if std::mem::take(failing) {
            tracing::info!(projection = %P::NAME, "projection.resumed");
        }
        *pause = *BACKOFF.start();
        measure::<P>(&writer, head, commits, began);
        match applied {
            Applied::Done => {}
            Applied::Lost => {
                sleep(STANDBY).await;
                return Ok(());
            }
            Applied::Halted(position, poison) => {
                tracing::error!(
                    projection = %P::NAME, %position, error = %causes(&poison), "projection.halted"
                );
                metrics::gauge!("ff_projection_halted", "projection" => P::NAME.as_str()).set(1.0);
                return halted(&mut writer).await;
            }
        }
        metrics::gauge!("ff_projection_halted", "projection" => P::NAME.as_str()).set(0.0);
    }
}

/// Whether the generation that is read, if any, has the tables that this program writes. An older one is rebuilt, beside
/// whoever still works on it; one from a newer program is left to that.
async fn is_fit<L: EventLog, P: Projection>(
    connection: &mut PgConnection,
    log: &L,
    pool: &PgPool,
) -> Result<bool, ProjectionError> {
    let live = Checkpoint::live(connection, P::NAME)
        .await
        .map_err(ProjectionError::sql("read a checkpoint"))?;
    let Some(Checkpoint { format, .. }) = live else { return Ok(true) };
    match format.cmp(&P::FORMAT) {
        Ordering::Equal => Ok(true),
        Ordering::Greater => {
            Err(ProjectionError::Newer { projection: P::NAME, found: format, written: P::FORMAT })
        }
        Ordering::Less => match renew::<L, P>(log, pool).await {
            Ok(()) => Ok(true),
            Err(ProjectionError::ReplayRunning { .. }) => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// Waits until another generation is read.
async fn halted<P: Projection>(writer: &mut Writer<P>) -> Result<(), ProjectionError> {
    loop {
        sleep(HALTED).await;
        let live = Checkpoint::live(&mut writer.connection, P::NAME)
            .await
            .map_err(ProjectionError::sql("read a checkpoint"))?;
        if live.is_none_or(|live| live.schema != writer.schema) {
            return Ok(());
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a metric needs no more digits than an f64 has")]
fn measure<P: Projection>(writer: &Writer<P>, head: Position, commits: usize, began: Instant) {
    let name = P::NAME.as_str();
    let lag = head.sequence().saturating_sub(writer.position.sequence());
    metrics::gauge!("ff_projection_lag_commits", "projection" => name).set(lag as f64);
    metrics::gauge!("ff_projection_position", "projection" => name)
        .set(writer.position.sequence() as f64);
    metrics::gauge!("ff_projection_parked", "projection" => name).set(writer.parked.len() as f64);
    metrics::counter!("ff_projection_commits_total", "projection" => name)
        .increment(commits as u64);
    metrics::histogram!("ff_projection_batch_seconds", "projection" => name)
        .record(began.elapsed().as_secs_f64());
}

/// The generation that is read; the first one, if there is none yet.
async fn live_or_new<P: Projection>(
    connection: &mut PgConnection,
) -> Result<Checkpoint, sqlx::Error> {
    if let Some(live) = Checkpoint::live(connection, P::NAME).await? {
        return Ok(live);
    }
    let schema = P::NAME.schema(1);
    let mut transaction = connection.begin().await?;
    Checkpoint::insert(&mut transaction, schema, "live", P::FORMAT).await?;
    make(&mut transaction, schema, "CREATE SCHEMA {schema}").await?;
    make(&mut transaction, schema, P::TABLES).await?;
    make(&mut transaction, schema, P::INDEXES).await?;
    transaction.commit().await?;
    let live = Checkpoint::live(connection, P::NAME).await?;
    live.ok_or(sqlx::Error::RowNotFound)
}

/// What a lock is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Run,
    Rebuild,
}

/// A connection of its own, which holds the lock as long as it lives.
pub(crate) async fn connect(pool: &PgPool) -> Result<PgConnection, ProjectionError> {
    let options = pool.connect_options();
    let error = ProjectionError::sql("connect");
    let mut connection = PgConnection::connect_with(&options).await.map_err(&error)?;
    // A transaction that a crash of Postgres takes back takes its checkpoint with it, so none has to wait for the disk.
    let settings = "SET synchronous_commit TO off; SET jit TO off";
    connection.execute(settings).await.map_err(&error)?;
    Ok(connection)
}

pub(crate) async fn try_lock<P: Projection>(
    connection: &mut PgConnection,
    purpose: Purpose,
) -> Result<bool, ProjectionError> {
    let key = P::NAME as i32 * 2 + purpose as i32;
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(LOCKS)
        .bind(key)
        .fetch_one(connection)
        .await
        .map_err(ProjectionError::sql("take a lock"))
}

/// Whether an error is of values that can never be written.
pub(crate) fn is_poison(error: &sqlx::Error) -> bool {
    Failure::of(error) == Failure::Values
}
