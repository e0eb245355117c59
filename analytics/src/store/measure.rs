//! The state of an iteration at a point in time, from raw events or from what is kept of users.

use std::collections::{BTreeSet, HashMap};

use super::error::StoreError;
use super::query::Reader;
use super::rows::{
    self, CapRow, CountRow, MomentRow, QuantileRow, SenderRow, TallyRow, ValueCountRow, ValueRow,
};
use super::scope::{Measure, Scope};
use super::sql::moments::{self, Caps};
use super::sql::values::values;
use super::sql::{Source, quantiles, users};
use crate::figures::{ArmFigures, Breakdown, Exposures, MetricFigures, OTHER, StepUsers, Sums};
use crate::stats::Alpha;

/// What is known at a point in time.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) exposures: Exposures,
    /// By recipe.
    pub(super) metrics: HashMap<u64, MetricFigures>,
    /// Users by attribute, value and arm, in the order of breakdowns.
    pub(super) cells: Vec<Cell>,
}

/// The users of one value of an attribute, or all of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// Counted from 1 in the order of the plan; 0 is the whole.
    pub(super) attribute: u8,
    pub(super) value: String,
    /// By arm.
    pub(super) users: Vec<u64>,
    /// By arm, one 0 and then the users who have reached each age.
    aged: Vec<Vec<u64>>,
}

/// The state at the end of a time step: no breakdowns, no tallies of exposures.
pub(super) async fn closed(
    reader: &Reader,
    scope: &Scope<'_>,
    source: Source,
) -> Result<State, StoreError> {
    let (exposures, whole) = count(reader, scope, source).await?;
    let of = |scope: &Scope<'_>| values(scope, source);
    let metrics = metrics(reader, scope, &of, std::slice::from_ref(&whole), &[]).await?;
    Ok(State { exposures, metrics, cells: vec![whole] })
}

/// The newest state, as of `position`.
pub(super) async fn newest(
    reader: &Reader,
    scope: &Scope<'_>,
    source: Source,
    position: u64,
) -> Result<State, StoreError> {
    let (mut exposures, whole) = count(reader, scope, source).await?;
    tally(reader, scope, position, &mut exposures).await?;
    let mut cells = vec![whole];
    let mut top = vec![Vec::new(); scope.plan.analysis.breakdowns.len()];
    if !top.is_empty() {
        let statement = users::top_values(scope, source);
        let found: Vec<ValueRow> = reader.rows("find the values of breakdowns", &statement).await?;
        for row in found {
            top[usize::from(row.attribute) - 1].push(row.value);
        }
        cells.extend(count_values(reader, scope, source, &top).await?);
    }
    let of = |scope: &Scope<'_>| values(scope, source);
    let metrics = metrics(reader, scope, &of, &cells, &top).await?;
    Ok(State { exposures, metrics, cells })
}

/// Every metric in every cell. `of` is the statement that gives the values of the metrics in a scope.
pub(super) async fn metrics(
    reader: &Reader,
    scope: &Scope<'_>,
    of: &(dyn Fn(&Scope<'_>) -> String + Sync),
    cells: &[Cell],
    top: &[Vec<String>],
) -> Result<HashMap<u64, MetricFigures>, StoreError> {
    let (quantiles, sums): (Vec<&Measure<'_>>, Vec<&Measure<'_>>) =
        scope.metrics.iter().partition(|measure| measure.quantile().is_some());
    let mut found = HashMap::new();
    if !sums.is_empty() {
        let recipes: Vec<_> = sums.iter().map(|measure| measure.recipe).collect();
        let scope = scope.only(&recipes);
        let caps = caps(reader, &scope, of).await?;
        let statement = moments::moments(&scope, &of(&scope), &caps, top);
        let rows: Vec<MomentRow> = reader.rows("sum the values of users", &statement).await?;
        for row in rows {
            let sums = rows::sums(0, &row.sums)
                .ok_or(StoreError::Malformed { table: "experiment_values" })?;
            found.insert((row.recipe, row.attribute, row.value, row.arm), ArmFigures::Sums(sums));
        }
    }
    for measure in &quantiles {
        for (place, figures) in quantile(reader, scope, measure, of, top).await? {
            found.insert(place, figures);
        }
    }
    let ages = ages(scope);
    let of_metric = |measure: &Measure<'_>| {
        let age = ages.iter().position(|&age| age == measure.age()).map(|place| place + 1);
        let arms = |cell: &Cell| {
            let arm = |(arm, &users): (usize, &u64)| {
                let users = age.map_or(users, |age| cell.aged[arm][age]);
                let arm = arm as u64 + 1;
                let place = (measure.recipe, cell.attribute, cell.value.clone(), arm);
                let found = found.get(&place).cloned();
                match found {
                    _ if users == 0 => ArmFigures::Nothing,
                    Some(ArmFigures::Sums(sums)) => ArmFigures::Sums(Sums { users, ..sums }),
                    None if measure.quantile().is_none() => {
                        ArmFigures::Sums(Sums { users, ..Sums::default() })
                    }
                    found => found.unwrap_or_default(),
                }
            };
            cell.users.iter().enumerate().map(arm).collect::<Vec<_>>()
        };
        let mut figures = MetricFigures::default();
        for cell in cells {
            match usize::from(cell.attribute).checked_sub(1) {
                None => figures.whole = arms(cell),
                Some(place) => figures.breakdowns.push(Breakdown {
                    attribute: scope.plan.analysis.breakdowns[place].clone(),
                    value: cell.value.clone(),
                    arms: arms(cell),
                }),
            }
        }
        figures
    };
    Ok(scope.metrics.iter().map(|measure| (measure.recipe, of_metric(measure))).collect())
}

type Place = (u64, u8, String, u64);

async fn quantile(
    reader: &Reader,
    scope: &Scope<'_>,
    measure: &Measure<'_>,
    of: &(dyn Fn(&Scope<'_>) -> String + Sync),
    top: &[Vec<String>],
) -> Result<Vec<(Place, ArmFigures)>, StoreError> {
    // A level that makes no sense is for the report to refuse; here it must only not fail.
    let alpha = Alpha::new(scope.plan.analysis.alpha).unwrap_or(Alpha::FIVE_PERCENT);
    let q = measure.quantile().unwrap_or(0.5).clamp(0.0, 1.0);
    let values = of(&scope.only(&[measure.recipe]));
    let statement = quantiles::quantiles(scope, &values, q, alpha.z(), top);
    let rows: Vec<QuantileRow> = reader.rows("find the quantiles of values", &statement).await?;
    let figures = rows.into_iter().filter_map(|row| {
        let figures = ArmFigures::Quantile(row.figures(q, alpha.get())?);
        Some(((measure.recipe, row.attribute, row.value, row.arm), figures))
    });
    Ok(figures.collect())
}

async fn caps(
    reader: &Reader,
    scope: &Scope<'_>,
    of: &(dyn Fn(&Scope<'_>) -> String + Sync),
) -> Result<Caps, StoreError> {
    let mut caps = moments::fixed_caps(scope);
    let (places, recipes): (Vec<_>, Vec<_>) =
        moments::percentiles(scope).map(|(place, recipe, _)| (place, recipe)).unzip();
    if !places.is_empty() {
        let values = of(&scope.only(&recipes));
        let statement = moments::percentile_caps(scope, &values);
        let row: CapRow = reader.row("find where outliers begin", &statement).await?;
        for (place, cap) in places.into_iter().zip(row.caps) {
            caps[place] = Some(cap);
        }
    }
    Ok(caps)
}

/// The ages that metrics ask for.
fn ages(scope: &Scope<'_>) -> Vec<u32> {
    let ages: BTreeSet<_> = scope.metrics.iter().map(Measure::age).filter(|&age| age > 0).collect();
    ages.into_iter().collect()
}

/// Users by arm, those left out, and users by time step.
async fn count(
    reader: &Reader,
    scope: &Scope<'_>,
    source: Source,
) -> Result<(Exposures, Cell), StoreError> {
    let (arms, ages) = (scope.arms(), ages(scope));
    let statement = users::count(scope, source, &ages);
    let rows: Vec<CountRow> = reader.rows("count users", &statement).await?;
    let ends = scope.steps.iter().copied().chain([scope.at]);
    let mut by_step: Vec<_> = ends.map(|at| StepUsers { at, users: vec![0; arms] }).collect();
    let mut whole = cell(0, String::new(), arms, ages.len());
    let (mut several, mut foreign) = (0, 0);
    for row in &rows {
        match usize::try_from(row.arm).unwrap_or(usize::MAX).checked_sub(1) {
            None => several += row.users,
            Some(arm) if arm < arms => {
                by_step[row.step as usize].users[arm] += row.users;
                add(&mut whole, arm, row.users, &row.aged);
            }
            Some(_) => foreign += row.users,
        }
    }
    let users = whole.users.clone();
    Ok((Exposures { users, several, foreign, by_step, ..Exposures::default() }, whole))
}

/// The cells of breakdowns, in their order.
async fn count_values(
    reader: &Reader,
    scope: &Scope<'_>,
    source: Source,
    top: &[Vec<String>],
) -> Result<Vec<Cell>, StoreError> {
    if top.iter().all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let (arms, ages) = (scope.arms(), ages(scope));
    let statement = users::count_values(scope, source, &ages, top);
    let rows: Vec<ValueCountRow> = reader.rows("count users by attribute", &statement).await?;
    let mut cells = Vec::new();
    for (attribute, values) in (1_u8..).zip(top) {
        let other = OTHER.to_owned();
        let rest = (!values.contains(&other)).then_some(&other);
        for value in values.iter().chain(rest) {
            let mut cell = cell(attribute, value.clone(), arms, ages.len());
            let of = |row: &&ValueCountRow| row.attribute == attribute && row.value == *value;
            for row in rows.iter().filter(of) {
                let arm = usize::try_from(row.arm).unwrap_or(usize::MAX) - 1;
                add(&mut cell, arm, row.users, &row.aged);
            }
            if cell.users.iter().any(|&users| users > 0) {
                cells.push(cell);
            }
        }
    }
    Ok(cells)
}

pub(super) fn cell(attribute: u8, value: String, arms: usize, ages: usize) -> Cell {
    Cell { attribute, value, users: vec![0; arms], aged: vec![vec![0; ages + 1]; arms] }
}

pub(super) fn add(cell: &mut Cell, arm: usize, users: u64, aged: &[u64]) {
    cell.users[arm] += users;
    cell.aged[arm].iter_mut().zip(aged).for_each(|(sum, aged)| *sum += aged);
}

/// Exposures, each once, and what senders say of them.
async fn tally(
    reader: &Reader,
    scope: &Scope<'_>,
    position: u64,
    exposures: &mut Exposures,
) -> Result<(), StoreError> {
    let of = format!("{} AND position <= {position}", users::of_experiment(scope));
    let statement = format!(
        "SELECT countIf({}) AS events, countIf(instance != toUUID('{}')) AS stored FROM events_exposure FINAL WHERE {of}",
        users::of_iteration(scope),
        uuid::Uuid::nil(),
    );
    let row: TallyRow = reader.row("count exposures", &statement).await?;
    exposures.events = row.events;
    exposures.stored = row.stored;
    let statement = format!(
        "SELECT count() AS senders, sum(most) AS sent, sum(took) AS accepted FROM \
         (SELECT max(sent) AS most, sum(accepted) AS took FROM events_sender FINAL WHERE {of} GROUP BY instance)"
    );
    let row: SenderRow = reader.row("count what senders have sent", &statement).await?;
    if row.senders > 0 {
        exposures.sent = Some(row.sent);
        exposures.accepted = Some(row.accepted);
    }
    Ok(())
}
