//! The table of sufficient statistics: writing a state, and reading all states of an iteration in one statement.

use std::collections::{BTreeMap, HashMap};

use clickhouse::Row;
use clickhouse::types::Int256;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::StoreError;
use super::fold::Folded;
use super::measure::State;
use super::query::Reader;
use super::scope::Scope;
use super::timeline::timestamp;
use super::{figures, point, rows};
use crate::figures::{
    ArmFigures, Breakdown, Figures, MetricFigures, OTHER, Point, QuantileFigures, StepUsers,
};
use crate::plan::ExperimentPlan;

/// The step of the newest state.
const NEWEST: i64 = 0;

#[derive(Debug, Clone, Row, Serialize, Deserialize)]
struct SnapshotRow {
    #[serde(with = "clickhouse::serde::uuid")]
    experiment: Uuid,
    iteration: u32,
    step: i64,
    #[serde(with = "clickhouse::serde::uuid")]
    metric: Uuid,
    version: u32,
    recipe: u64,
    attribute: String,
    value: String,
    variation: String,
    position: u64,
    at: i64,
    users: u64,
    sums: Vec<Int256>,
    counts: Vec<u64>,
    quantiles: Vec<f64>,
}

/// Writes a state: of the time step with that end, or the newest one. All of it can be read at once, or nothing.
pub(super) async fn write(
    reader: &Reader,
    scope: &Scope<'_>,
    step: Option<Timestamp>,
    position: u64,
    state: &State,
) -> Result<(), StoreError> {
    let blank = SnapshotRow {
        experiment: scope.plan.id,
        iteration: scope.iteration.number,
        step: step.map_or(NEWEST, Timestamp::as_millisecond),
        metric: Uuid::nil(),
        version: 0,
        recipe: scope.recipe,
        attribute: String::new(),
        value: String::new(),
        variation: String::new(),
        position,
        at: scope.at.as_millisecond(),
        users: 0,
        sums: Vec::new(),
        counts: Vec::new(),
        quantiles: Vec::new(),
    };
    let exposures = &state.exposures;
    let mut rows = vec![SnapshotRow {
        counts: vec![
            exposures.several,
            exposures.foreign,
            exposures.events,
            exposures.stored,
            u64::from(exposures.sent.is_some()),
            exposures.sent.unwrap_or(0),
            exposures.accepted.unwrap_or(0),
        ],
        ..blank.clone()
    }];
    let arms: Vec<_> = scope.iteration.arms.iter().map(|arm| &arm.variation).enumerate().collect();
    rows.extend(arms.iter().map(|&(arm, variation)| SnapshotRow {
        variation: variation.clone(),
        users: exposures.users[arm],
        counts: exposures.by_step.iter().map(|step| step.users[arm]).collect(),
        ..blank.clone()
    }));
    for measure in &scope.metrics {
        let Some(figures) = state.metrics.get(&measure.recipe) else { continue };
        let (metric, version) = measure.identity();
        let blank = SnapshotRow { metric, version, recipe: measure.recipe, ..blank.clone() };
        let of_arms = |attribute: &str, value: &str, users: &[u64], figures: &[ArmFigures]| {
            let row = |&(arm, variation): &(usize, &String)| SnapshotRow {
                attribute: attribute.to_owned(),
                value: value.to_owned(),
                variation: variation.clone(),
                users: users[arm],
                ..of_figures(&blank, &figures[arm])
            };
            arms.iter().map(row).collect::<Vec<_>>()
        };
        rows.extend(of_arms("", "", &exposures.users, &figures.whole));
        // Cells after the first, which is the whole, are those of the breakdowns, in the same order.
        for (cell, part) in state.cells.iter().skip(1).zip(&figures.breakdowns) {
            rows.extend(of_arms(&part.attribute, &part.value, &cell.users, &part.arms));
        }
    }
    reader.insert("write a snapshot", "experiments_snapshot", &rows).await
}

fn of_figures(blank: &SnapshotRow, figures: &ArmFigures) -> SnapshotRow {
    let blank = blank.clone();
    match figures {
        ArmFigures::Nothing => blank,
        ArmFigures::Sums(sums) => {
            SnapshotRow { sums: rows::integers(sums), counts: vec![sums.users], ..blank }
        }
        ArmFigures::Quantile(of) => SnapshotRow {
            counts: vec![
                of.users,
                of.events,
                of.below,
                of.below_squared,
                of.below_by_events,
                of.events_squared,
            ],
            quantiles: vec![
                of.q,
                of.alpha,
                of.value,
                of.lower.unwrap_or(f64::NAN),
                of.upper.unwrap_or(f64::NAN),
            ],
            ..blank
        },
    }
}

fn figures_of(row: &SnapshotRow) -> Result<ArmFigures, StoreError> {
    const MALFORMED: StoreError = StoreError::Malformed { table: "experiments_snapshot" };
    let there = |number: f64| (!number.is_nan()).then_some(number);
    match (&row.counts[..], &row.quantiles[..]) {
        ([], []) => Ok(ArmFigures::Nothing),
        (&[users], []) => rows::sums(users, &row.sums).map(ArmFigures::Sums).ok_or(MALFORMED),
        (
            &[users, events, below, below_squared, below_by_events, events_squared],
            &[q, alpha, value, lower, upper],
        ) => Ok(ArmFigures::Quantile(QuantileFigures {
            q,
            alpha,
            users,
            events,
            value,
            lower: there(lower),
            upper: there(upper),
            below,
            below_squared,
            below_by_events,
            events_squared,
        })),
        _ => Err(MALFORMED),
    }
}

/// All states that are kept of an iteration.
#[derive(Debug, Default)]
pub(super) struct Kept {
    newest: Option<Newest>,
    closed: HashMap<i64, Kind>,
    folded: Folded,
}

#[derive(Debug)]
struct Newest {
    position: u64,
    at: Timestamp,
    rows: Kind,
}

/// The rows of one state, by recipe.
type Kind = HashMap<u64, Vec<SnapshotRow>>;

impl Kept {
    /// The states of the last iteration of a plan, by whatever recipes.
    pub(super) async fn read(reader: &Reader, plan: &ExperimentPlan) -> Result<Self, StoreError> {
        let number = plan.iterations.last().map_or(0, |iteration| iteration.number);
        let statement = format!(
            "SELECT experiment, iteration, toUnixTimestamp64Milli(step) AS step, metric, version, recipe, \
             attribute, value, variation, position, toUnixTimestamp64Milli(at) AS at, users, sums, counts, quantiles \
             FROM experiments_snapshot FINAL WHERE experiment = '{}' AND iteration = {number}",
            plan.id
        );
        let rows: Vec<SnapshotRow> = reader.rows("read snapshots", &statement).await?;
        let newest = |row: &&SnapshotRow| row.step == NEWEST;
        let mut kept = Self::default();
        for row in rows.iter().filter(newest) {
            let position = kept.folded.entry(row.recipe).or_default();
            *position = row.position.max(*position);
        }
        let position = rows.iter().filter(newest).map(|row| row.position).max();
        for row in rows {
            if row.step != NEWEST {
                kept.closed.entry(row.step).or_default().entry(row.recipe).or_default().push(row);
            } else if Some(row.position) == position {
                // Older rows are of metrics that are no more, and of values that became rare.
                let newest = kept.newest.get_or_insert_with(|| Newest {
                    position: row.position,
                    at: timestamp(row.at),
                    rows: Kind::default(),
                });
                newest.rows.entry(row.recipe).or_default().push(row);
            }
        }
        Ok(kept)
    }

    /// The position of the newest state; 0 if there is none.
    pub(super) fn newest_position(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.position)
    }

    /// The time of the newest state.
    pub(super) fn newest_at(&self) -> Option<Timestamp> {
        self.newest.as_ref().map(|newest| newest.at)
    }

    /// Leaves only what does not change any more.
    pub(super) fn forget_newest(&mut self) {
        self.newest = None;
    }

    /// Up to which position each recipe was folded into the per-user tables.
    pub(super) fn folded(&self) -> Folded {
        self.folded.clone()
    }

    /// The position of the closed step that ends when the scope is as of; none if it is not kept.
    pub(super) fn position(&self, scope: &Scope<'_>) -> Option<u64> {
        let rows = self.closed.get(&scope.at.as_millisecond())?.get(&scope.recipe)?;
        rows.iter().map(|row| row.position).max()
    }

    /// The recipes of the scope that this closed step lacks.
    pub(super) fn lacking(&self, scope: &Scope<'_>) -> Vec<u64> {
        let there = self.closed.get(&scope.at.as_millisecond());
        let lacks = |recipe: &u64| there.is_none_or(|there| !there.contains_key(recipe));
        scope.metrics.iter().map(|measure| measure.recipe).filter(lacks).collect()
    }

    /// The closed step that ends when the scope is as of.
    pub(super) fn closed(&self, scope: &Scope<'_>) -> Result<Option<Point>, StoreError> {
        let Some(position) = self.position(scope) else { return Ok(None) };
        let Some(rows) = self.closed.get(&scope.at.as_millisecond()) else { return Ok(None) };
        Ok(Some(point(scope, position, false, &state(scope, rows)?)))
    }

    /// The newest figures, if they were made by this plan.
    pub(super) fn newest(&self, plan: &ExperimentPlan) -> Result<Option<Figures>, StoreError> {
        let Some(newest) = &self.newest else { return Ok(None) };
        let Some(scope) = Scope::of(plan, newest.at) else { return Ok(None) };
        let mut recipes = scope.in_order().chain([scope.recipe]);
        if recipes.any(|recipe| !newest.rows.contains_key(&recipe)) {
            return Ok(None);
        }
        let mut points = Vec::new();
        for scope in scope.steps.iter().filter_map(|&end| Scope::of(plan, end)) {
            points.extend(self.closed(&scope)?);
        }
        let state = state(&scope, &newest.rows)?;
        points.push(point(&scope, newest.position, true, &state));
        Ok(Some(figures(&scope, newest.position, &state, points)))
    }
}

/// The state that rows are of.
fn state(scope: &Scope<'_>, rows: &Kind) -> Result<State, StoreError> {
    const MALFORMED: StoreError = StoreError::Malformed { table: "experiments_snapshot" };
    let arms: HashMap<&str, usize> =
        scope.iteration.arms.iter().map(|arm| &*arm.variation).zip(0..).collect();
    let mut state = State::default();
    let exposures = &mut state.exposures;
    exposures.users = vec![0; arms.len()];
    let ends = scope.steps.iter().copied().chain([scope.at]);
    exposures.by_step = ends.map(|at| StepUsers { at, users: vec![0; arms.len()] }).collect();
    for row in rows.get(&scope.recipe).into_iter().flatten() {
        if let Some(&arm) = arms.get(&*row.variation) {
            exposures.users[arm] = row.users;
            for (step, &users) in exposures.by_step.iter_mut().zip(&row.counts) {
                step.users[arm] = users;
            }
        } else {
            let &[several, foreign, events, stored, senders, sent, accepted] = &row.counts[..]
            else {
                return Err(MALFORMED);
            };
            exposures.several = several;
            exposures.foreign = foreign;
            exposures.events = events;
            exposures.stored = stored;
            exposures.sent = (senders > 0).then_some(sent);
            exposures.accepted = (senders > 0).then_some(accepted);
        }
    }
    for measure in &scope.metrics {
        let Some(rows) = rows.get(&measure.recipe) else { continue };
        let figures = metric(scope, &arms, rows)?;
        state.metrics.insert(measure.recipe, figures);
    }
    Ok(state)
}

fn metric(
    scope: &Scope<'_>,
    arms: &HashMap<&str, usize>,
    rows: &[SnapshotRow],
) -> Result<MetricFigures, StoreError> {
    let attributes = &scope.plan.analysis.breakdowns;
    let mut cells = BTreeMap::<(usize, &str), (u64, Vec<ArmFigures>)>::new();
    for row in rows {
        let Some(&arm) = arms.get(&*row.variation) else { continue };
        let place = attributes.iter().position(|name| *name == row.attribute).map_or(0, |i| i + 1);
        let (users, figures) = cells
            .entry((place, &row.value))
            .or_insert_with(|| (0, vec![ArmFigures::Nothing; arms.len()]));
        *users += row.users;
        figures[arm] = figures_of(row)?;
    }
    let mut cells: Vec<_> = cells.into_iter().collect();
    // As they were when they were written: most users first, the rest last.
    cells.sort_by_key(|&((place, value), (users, _))| {
        (place, value == OTHER, std::cmp::Reverse(users), value)
    });
    let mut metric = MetricFigures::default();
    for ((place, value), (_, arms)) in cells {
        match place.checked_sub(1) {
            None => metric.whole = arms,
            Some(i) => metric.breakdowns.push(Breakdown {
                attribute: attributes[i].clone(),
                value: value.to_owned(),
                arms,
            }),
        }
    }
    Ok(metric)
}
