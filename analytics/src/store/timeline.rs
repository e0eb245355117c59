//! Positions and times: how far telemetry is written, and which position belongs to the end of a time step.

use clickhouse::Row;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::error::StoreError;
use super::query::Reader;
use super::scope::Scope;
use super::{Progress, steps};

#[derive(Row, Deserialize)]
struct Written {
    position: u64,
    at: i64,
}

pub(super) async fn written(reader: &Reader) -> Result<Progress, StoreError> {
    let statement = "SELECT max(position) AS position, toUnixTimestamp64Milli(max(at)) AS at FROM telemetry_progress";
    let row: Written = reader.row("say how far telemetry is written", statement).await?;
    Ok(Progress { position: row.position, at: timestamp(row.at) })
}

/// When the newest event of an environment after a position and up to another was received; none without events.
pub(super) async fn newest_received(
    reader: &Reader,
    environment: Uuid,
    from: u64,
    to: u64,
) -> Result<Option<Timestamp>, StoreError> {
    let statement = format!(
        "SELECT sum(n) AS position, toUnixTimestamp64Milli(max(newest)) AS at FROM ({})",
        both(environment, "count() AS n, max(received) AS newest", &between(from, to), ""),
    );
    let row: Written = reader.row("find the newest event", &statement).await?;
    Ok((row.position > 0).then(|| timestamp(row.at)))
}

#[derive(Row, Deserialize)]
struct First {
    step: u32,
    position: u64,
}

/// The ends of the closed time steps with the position each of them is as of: the last one before any event that was
/// received at the end or later. Events up to `from` need not be looked at.
pub(super) async fn cuts(
    reader: &Reader,
    scope: &Scope<'_>,
    from: u64,
    to: u64,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let closed = scope.steps.len();
    if closed == 0 {
        return Ok(Vec::new());
    }
    let columns = format!(
        "{} AS step, min(position) AS earliest",
        steps::index_sql(scope.iteration, closed, "received")
    );
    let statement = format!(
        "SELECT step, min(earliest) AS position FROM ({}) GROUP BY step ORDER BY step",
        both(scope.plan.environment, &columns, &between(from, to), " GROUP BY step"),
    );
    let firsts: Vec<First> = reader.rows("find where time steps end", &statement).await?;
    let cut = |step: usize| {
        let later = firsts.iter().filter(|first| first.step as usize > step);
        // Something was received after the last of them, or it would not be closed.
        later.map(|first| first.position.saturating_sub(1)).min().unwrap_or(to)
    };
    Ok(scope.steps.iter().enumerate().map(|(step, &end)| (end, cut(step))).collect())
}

fn between(from: u64, to: u64) -> String {
    format!("position > {from} AND position <= {to}")
}

/// The same of exposures and metric events of an environment.
fn both(environment: Uuid, columns: &str, which: &str, group: &str) -> String {
    let of = |table| {
        format!(
            "SELECT {columns} FROM {table} WHERE environment = '{environment}' AND {which}{group}"
        )
    };
    format!("{} UNION ALL {}", of("events_exposure"), of("events_metric"))
}

pub(super) fn timestamp(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH)
}
