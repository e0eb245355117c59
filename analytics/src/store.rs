//! What is kept in ClickHouse for the analysis, and how it is read.
//!
//! Three layers, each made from the one before: raw events; users and what they have of each metric
//! (`experiment_users`, `experiment_values`); sufficient statistics over users by arm, breakdown and time step
//! (`experiments_snapshot`). [`Store::refresh`] folds what is new through all of them, [`Store::latest`] reads the last
//! one, [`Store::as_of`] computes from raw events what it said at a telemetry position.
//!
//! Why both say the same, bit for bit:
//! - Values are integers of 1e-6 and sums are exact, so order and portions do not matter.
//! - Folding is idempotent: the first exposure is a minimum, and a user who changed is computed anew from their raw
//!   events, never added to. Repeats, late events and two refreshes at once change nothing.
//! - Every state is as of a telemetry position and of the newest reception up to it, both properties of the events.
//!   What a plan says of later times (the end of an iteration) does not reach back into it.
//!
//! One insert writes a state into `experiments_snapshot`, and it is the last one of a refresh: what is there is whole,
//! and its position is where the next refresh goes on.

mod error;
mod fold;
mod history;
mod measure;
mod query;
mod refresh;
mod rows;
mod scope;
mod snapshot;
mod sql;
mod steps;
mod timeline;

use std::time::Duration;

use clickhouse::Client;
use jiff::Timestamp;

use crate::figures::{ArmFigures, Figures, MetricFigures, Point};
use crate::plan::ExperimentPlan;
use measure::State;
use query::Reader;
use scope::Scope;
use sql::Source;

pub use error::StoreError;
pub use history::History;

/// The analysis' tables in ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    reader: Reader,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// How far telemetry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here can be read.
    pub position: u64,
    /// When the newest of it was received; the beginning of 1970 if there is none.
    pub at: Timestamp,
}

/// What a refresh has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshReport {
    /// The position the snapshots were as of.
    pub from: u64,
    /// The position they are as of now.
    pub to: u64,
    /// Users whose values were computed anew, by metric and time step that was caught up.
    pub affected_users: u64,
    /// Time steps that still lack a metric, because it was defined after they were closed. Every refresh computes some.
    pub behind: usize,
    /// How long it took.
    pub took: Duration,
}

impl Store {
    /// The tables behind a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { reader: Reader::new(client) }
    }

    /// How far telemetry is written.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or not what it should.
    pub async fn written(&self) -> Result<Progress, StoreError> {
        timeline::written(&self.reader).await
    }

    /// Makes the snapshots of the last iteration as new as the telemetry. It may run at any time, also twice at once;
    /// one that is interrupted is taken up by the next.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or not what it should.
    pub async fn refresh(&self, plan: &ExperimentPlan) -> Result<RefreshReport, StoreError> {
        refresh::refresh(&self.reader, plan).await
    }

    /// The newest snapshots of the last iteration. None if there are none by this plan: before the first refresh, and
    /// after a metric was redefined until the next one.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or not what it should.
    pub async fn latest(&self, plan: &ExperimentPlan) -> Result<Option<Figures>, StoreError> {
        if plan.iterations.is_empty() {
            return Ok(None);
        }
        let kept = snapshot::Kept::read(&self.reader, plan).await?;
        kept.newest(plan)
    }

    /// What the last iteration's figures were at a telemetry position, from raw events. Of the time steps closed by
    /// then it takes the snapshots, which do not change any more, and computes those that are missing.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or not what it should; [`StoreError::NotStarted`] of a plan without iterations.
    pub async fn as_of(
        &self,
        plan: &ExperimentPlan,
        telemetry_position: u64,
    ) -> Result<Figures, StoreError> {
        let mut kept = snapshot::Kept::read(&self.reader, plan).await?;
        kept.forget_newest();
        self.computed(plan, telemetry_position, &kept).await
    }

    /// The same, from raw events alone.
    ///
    /// # Errors
    /// Those of [`Store::as_of`].
    pub async fn from_raw(
        &self,
        plan: &ExperimentPlan,
        telemetry_position: u64,
    ) -> Result<Figures, StoreError> {
        self.computed(plan, telemetry_position, &snapshot::Kept::default()).await
    }

    /// What users had of a metric in the last `days` days of everything that is written, for planning an experiment.
    ///
    /// # Errors
    /// When ClickHouse does not answer, or not what it should.
    pub async fn history(
        &self,
        environment: uuid::Uuid,
        metric: &crate::plan::Metric,
        days: u32,
    ) -> Result<History, StoreError> {
        history::history(&self.reader, environment, metric, days).await
    }

    async fn computed(
        &self,
        plan: &ExperimentPlan,
        position: u64,
        kept: &snapshot::Kept,
    ) -> Result<Figures, StoreError> {
        let started = plan.iterations.last().ok_or(StoreError::NotStarted)?.started_at;
        let at = timeline::newest_received(&self.reader, plan.environment, 0, position).await?;
        let at = at.unwrap_or(started).max(started);
        let scope = Scope::of(plan, at).ok_or(StoreError::NotStarted)?;
        let mut points = Vec::new();
        for (end, cut) in timeline::cuts(&self.reader, &scope, 0, position).await? {
            let scope = Scope::of(plan, end).ok_or(StoreError::NotStarted)?;
            let point = match kept.closed(&scope)? {
                Some(point) if kept.lacking(&scope).is_empty() => point,
                _ => {
                    let cut = kept.position(&scope).unwrap_or(cut);
                    let state = measure::closed(&self.reader, &scope, Source::Raw(cut)).await?;
                    point(&scope, cut, false, &state)
                }
            };
            points.push(point);
        }
        let state = measure::newest(&self.reader, &scope, Source::Raw(position), position).await?;
        points.push(point(&scope, position, true, &state));
        Ok(figures(&scope, position, &state, points))
    }
}

/// A state as a point of the figures.
fn point(scope: &Scope<'_>, position: u64, last: bool, state: &State) -> Point {
    let nothing =
        || MetricFigures { whole: vec![ArmFigures::Nothing; scope.arms()], breakdowns: Vec::new() };
    Point {
        at: scope.at,
        telemetry_position: position,
        last,
        users: state.exposures.users.clone(),
        metrics: scope
            .in_order()
            .map(|recipe| state.metrics.get(&recipe).cloned().unwrap_or_else(nothing))
            .collect(),
    }
}

fn figures(scope: &Scope<'_>, position: u64, state: &State, points: Vec<Point>) -> Figures {
    Figures {
        telemetry_position: position,
        as_of: scope.at,
        iteration: scope.iteration.number,
        exposures: state.exposures.clone(),
        points,
    }
}
