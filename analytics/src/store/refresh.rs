//! Bringing the snapshots of an iteration up to date: first the time steps that were closed meanwhile, oldest first,
//! each as of its own end, then the newest state. However long nobody looked, the steps come out as if someone had.

use std::time::Instant;

use jiff::Timestamp;

use super::error::StoreError;
use super::measure::{self, State};
use super::query::Reader;
use super::scope::Scope;
use super::snapshot::{self, Kept};
use super::sql::Source;
use super::{RefreshReport, fold, timeline};
use crate::plan::ExperimentPlan;

/// How many closed steps are computed for a metric that was defined after them, in one refresh: each is a pass over raw
/// events, and the newest state must not wait for all of them.
const BACKFILL: usize = 4;

#[allow(clippy::disallowed_methods, reason = "how long it took, which no figure depends on")]
pub(super) async fn refresh(
    reader: &Reader,
    plan: &ExperimentPlan,
) -> Result<RefreshReport, StoreError> {
    let began = Instant::now();
    let to = timeline::written(reader).await?.position;
    let mut report =
        RefreshReport { from: to, to, affected_users: 0, behind: 0, took: began.elapsed() };
    let Some(iteration) = plan.iterations.last() else { return Ok(report) };
    let kept = Kept::read(reader, plan).await?;
    report.from = kept.newest_position();
    if report.from <= to {
        let known = kept.newest_at().unwrap_or(iteration.started_at);
        let newest = timeline::newest_received(reader, plan.environment, report.from, to).await?;
        let at = newest.unwrap_or(known).max(known).max(iteration.started_at);
        Refresh { reader, plan, kept: &kept, report: &mut report, to, at }.run().await?;
    }
    report.took = began.elapsed();
    Ok(report)
}

struct Refresh<'a> {
    reader: &'a Reader,
    plan: &'a ExperimentPlan,
    kept: &'a Kept,
    report: &'a mut RefreshReport,
    to: u64,
    at: Timestamp,
}

impl Refresh<'_> {
    async fn run(self) -> Result<(), StoreError> {
        let Self { reader, plan, kept, report, to, at } = self;
        let scope = Scope::of(plan, at).ok_or(StoreError::NotStarted)?;
        let mut folded = kept.folded();
        let ends: Vec<_> = scope.steps.iter().filter_map(|&end| Scope::of(plan, end)).collect();

        let open: Vec<_> = ends.iter().filter(|end| kept.position(end).is_none()).collect();
        if let Some(first) = open.first() {
            // What was received at or after the end of a step that is not closed yet is new, unless an older time
            // step is missing.
            let seen = kept.newest_at().is_some_and(|known| first.at <= known);
            let from = if seen { 0 } else { report.from };
            let cuts = timeline::cuts(reader, &scope, from, to).await?;
            for scope in open {
                let cut = cuts.iter().find(|(end, _)| *end == scope.at).map_or(to, |cut| cut.1);
                let state = match fold::advance(reader, scope, cut, &mut folded).await? {
                    Some(affected) => {
                        report.affected_users += affected;
                        let state = measure::closed(reader, scope, Source::Kept).await?;
                        (!fold::beyond(reader, scope, cut).await?).then_some(state)
                    }
                    None => None,
                };
                let state = match state {
                    Some(state) => state,
                    None => measure::closed(reader, scope, Source::Raw(cut)).await?,
                };
                snapshot::write(reader, scope, Some(scope.at), cut, &state).await?;
            }
        }

        let lacking = ends.iter().filter_map(|end| {
            let recipes = kept.lacking(end);
            Some((end.only(&recipes), kept.position(end)?)).filter(|_| !recipes.is_empty())
        });
        let lacking: Vec<_> = lacking.collect();
        report.behind = lacking.len().saturating_sub(BACKFILL);
        for (scope, cut) in lacking.iter().rev().take(BACKFILL) {
            let state = measure::closed(reader, scope, Source::Raw(*cut)).await?;
            snapshot::write(reader, scope, Some(scope.at), *cut, &state).await?;
        }

        let done = report.from == to && kept.newest_at() == Some(at);
        if done && kept.newest(plan)?.is_some() {
            return Ok(());
        }
        if let Some(affected) = fold::advance(reader, &scope, to, &mut folded).await? {
            report.affected_users += affected;
            let state: State = measure::newest(reader, &scope, Source::Kept, to).await?;
            // Whoever is ahead writes a newer state.
            if !fold::beyond(reader, &scope, to).await? {
                snapshot::write(reader, &scope, None, to, &state).await?;
            }
        }
        Ok(())
    }
}
