//! A metric and a variation over all states: what each state says, how it is decided, and what the looks have said.

use super::answer::Missing;
use super::band;
use super::effect::{Effect, Sample};
use super::looks::{Looks, Reading, Rule, exposed};
use crate::figures::{ArmFigures, Point};
use crate::plan::{ExperimentPlan, Iteration, MetricKind, MetricUse, Role};
use crate::stats::sequential::always_valid::Tuning;
use crate::stats::{Alpha, NoAnswer, Tail};

/// What all comparisons of an experiment have in common.
pub(super) struct Setting<'a> {
    pub(super) plan: &'a ExperimentPlan,
    pub(super) iteration: &'a Iteration,
    pub(super) points: &'a [Point],
    pub(super) alpha: Alpha,
    pub(super) tuning: Tuning,
}

impl<'a> Setting<'a> {
    pub(super) fn of(
        plan: &'a ExperimentPlan,
        iteration: &'a Iteration,
        points: &'a [Point],
    ) -> Result<Self, NoAnswer> {
        let alpha = Alpha::new(plan.analysis.alpha)?;
        let tuning = band::tuning(&plan.analysis, alpha)?;
        Ok(Self { plan, iteration, points, alpha, tuning })
    }
}

/// A metric and a variation over time.
pub(super) struct Track {
    /// Place of the metric in the plan.
    pub(super) metric: usize,
    /// Place of the variation among the arms.
    pub(super) arm: usize,
    /// By state.
    pub(super) effects: Vec<Result<Effect, Missing>>,
    /// By state, users of all arms who count for the metric.
    pub(super) users: Vec<u64>,
    pub(super) rule: Rule,
    pub(super) readings: Vec<Reading>,
}

impl Track {
    /// The smallest p-value of the looks, 1 before there is any.
    pub(super) fn p(&self) -> Tail {
        self.readings
            .iter()
            .map(|reading| reading.p)
            .fold(Tail::CERTAIN, |smallest, p| if p < smallest { p } else { smallest })
    }
}

/// The tracks of a metric, one for each variation but the control.
pub(super) fn of_metric(setting: &Setting<'_>, metric: usize, used: &MetricUse) -> Vec<Track> {
    let arms = setting.iteration.arms.len();
    let figures = |point: &Point, arm: usize| -> Sample {
        let known = point.metrics.get(metric).and_then(|known| known.whole.get(arm));
        Sample::of(&used.metric, known)
    };
    let samples: Vec<Vec<Sample>> = setting
        .points
        .iter()
        .map(|point| (0..arms).map(|arm| figures(point, arm)).collect())
        .collect();
    let users: Vec<u64> =
        setting.points.iter().map(|point| counting(point, metric, used)).collect();
    (1..arms)
        .map(|arm| {
            let effects: Vec<_> = samples
                .iter()
                .map(|all| Effect::of(&used.metric, &all[0], &all[arm], setting.alpha))
                .collect();
            let rule = rule(setting, used, &users);
            let readings = rule.readings(&effects);
            Track { metric, arm, effects, users: users.clone(), rule, readings }
        })
        .collect()
}

/// Guardrails are always-valid: they are looked at all the time.
fn rule(setting: &Setting<'_>, used: &MetricUse, users: &[u64]) -> Rule {
    if let Role::Guardrail { .. } = used.role {
        return Rule::AlwaysValid(setting.tuning);
    }
    let Setting { plan, iteration, points, alpha, tuning } = *setting;
    Rule::of(&plan.analysis, iteration, points, users, (alpha, tuning))
        // No boundary can be computed, so no look decides.
        .unwrap_or_else(|_| Rule::Single(Looks::default()))
}

/// Users who are the information of a metric: those exposed; of a retention, those old enough.
fn counting(point: &Point, metric: usize, used: &MetricUse) -> u64 {
    if !matches!(used.metric.kind, MetricKind::Retention { .. }) {
        return exposed(point);
    }
    let arms = point.metrics.get(metric).map_or(&[][..], |known| &known.whole);
    arms.iter()
        .filter_map(ArmFigures::sums)
        .fold(0, |sum: u64, sums| sum.saturating_add(sums.users))
}
