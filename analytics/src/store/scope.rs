//! A plan as the store computes by it at a point in time: the last iteration, what is known of its end by then, and
//! the recipes.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::steps;
use crate::plan::{ExperimentPlan, Iteration, Metric, MetricKind};

/// What is computed, as of a time.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    pub(super) plan: &'a ExperimentPlan,
    pub(super) iteration: &'a Iteration,
    /// When the iteration ended, if that was before `at`: a state must not depend on what happened later.
    pub(super) ended: Option<Timestamp>,
    /// The time all this is as of.
    pub(super) at: Timestamp,
    /// The ends of the time steps that are closed by then.
    pub(super) steps: Vec<Timestamp>,
    /// Names what users are computed by.
    pub(super) recipe: u64,
    /// What is measured, each recipe once.
    pub(super) metrics: Vec<Measure<'a>>,
}

/// A metric of the plan and the name of what its values are computed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure<'a> {
    pub(super) metric: &'a Metric,
    pub(super) recipe: u64,
}

impl<'a> Scope<'a> {
    /// The scope of the last iteration; none before the experiment is started.
    pub(super) fn of(plan: &'a ExperimentPlan, at: Timestamp) -> Option<Self> {
        let iteration = plan.iterations.last()?;
        let ended = iteration.ended_at.filter(|&ended| ended <= at);
        let arms: Vec<_> = iteration.arms.iter().map(|arm| &arm.variation).collect();
        let recipe = fingerprint(&(
            (plan.environment, &plan.key, &iteration.rule),
            (iteration.started_at.as_millisecond(), ended.map(Timestamp::as_millisecond)),
            (arms, &plan.analysis.breakdowns),
        ));
        let mut metrics: Vec<Measure<'a>> = Vec::new();
        for used in &plan.metrics {
            let measure = measure(recipe, &used.metric, plan.analysis.alpha);
            if metrics.iter().all(|other| other.recipe != measure.recipe) {
                metrics.push(measure);
            }
        }
        let steps = steps::closed(iteration, plan.metrics.iter().map(|used| &used.metric), at);
        Some(Self { plan, iteration, ended, at, steps, recipe, metrics })
    }

    /// Only these of the metrics.
    pub(super) fn only(&self, recipes: &[u64]) -> Self {
        let mut scope = self.clone();
        scope.metrics.retain(|measure| recipes.contains(&measure.recipe));
        scope
    }

    /// The recipes of the metrics in the order of the plan, where one may be used twice.
    pub(super) fn in_order(&self) -> impl Iterator<Item = u64> {
        let alpha = self.plan.analysis.alpha;
        self.plan.metrics.iter().map(move |used| measure(self.recipe, &used.metric, alpha).recipe)
    }

    /// How many arms there are.
    pub(super) fn arms(&self) -> usize {
        self.iteration.arms.len()
    }

    /// The key of the rows of this iteration in every table of ours.
    pub(super) fn place(&self) -> String {
        format!("experiment = '{}' AND iteration = {}", self.plan.id, self.iteration.number)
    }
}

fn measure(users: u64, metric: &Metric, alpha: f64) -> Measure<'_> {
    // The outer quantiles lie where alpha says.
    let alpha = matches!(metric.kind, MetricKind::Quantile { .. }).then_some(alpha);
    let recipe = fingerprint(&(
        (users, metric.id, metric.version),
        (&metric.kind, metric.cap, metric.window_hours, metric.covariate_days, alpha),
    ));
    Measure { metric, recipe }
}

impl Measure<'_> {
    /// The names of the events it is computed from, each once.
    pub(super) fn events(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.metric.kind {
            MetricKind::Binomial { event }
            | MetricKind::Mean { event }
            | MetricKind::Count { event }
            | MetricKind::Quantile { event, .. }
            | MetricKind::Retention { event, .. } => vec![event],
            MetricKind::Ratio { numerator, denominator } => {
                vec![&numerator.event, &denominator.event]
            }
            MetricKind::Funnel { steps } => steps.iter().map(String::as_str).collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The age in days a user must have reached to count; 0 if all count.
    pub(super) fn age(&self) -> u32 {
        match self.metric.kind {
            MetricKind::Retention { to_day, .. } => to_day,
            _ => 0,
        }
    }

    /// The level, if it is a quantile.
    pub(super) fn quantile(&self) -> Option<f64> {
        match self.metric.kind {
            MetricKind::Quantile { q, .. } => Some(q),
            _ => None,
        }
    }

    /// Its id and version, for the rows of snapshots.
    pub(super) fn identity(&self) -> (Uuid, u32) {
        (self.metric.id, self.metric.version)
    }
}

/// 64 bits that stay the same for ever: FNV-1a (Fowler, Noll and Vo, RFC 9923) of the JSON text, mixed once more,
/// because its lowest bits spread too little.
fn fingerprint(of: &impl Serialize) -> u64 {
    let text = serde_json::to_vec(of).expect("numbers, texts and lists can be written");
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash.rotate_left(29)
}
