//! What to do, and why, from the verdicts.
//!
//! In this order: a breached guardrail stops, whatever else is true; data that cannot be trusted are looked into; a
//! variation that is better and safe is shipped; if all are worse it ends; and otherwise it goes on until the planned
//! users are there, or until nothing as large as the smallest interesting effect is left to find.

use serde::Serialize;

use super::answer::Missing;
use super::decision::{Decision, Verdict};
use super::guardrail::State;
use super::health::Health;
use super::metric::{Comparison, MetricResult};
use super::outlook::Outlook;
use super::words;
use crate::plan::{ExperimentPlan, Role, Status};
use crate::stats::lift::LiftSet;

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Recommendation {
    /// Ship a variation: better in a primary metric, worse in none, all guardrails passed, nothing doubtful.
    Ship {
        /// Which.
        variation: String,
        /// Why.
        reason: String,
    },
    /// A guardrail is breached.
    StopGuardrail {
        /// By which variation.
        variation: String,
        /// Key of the guardrail's metric.
        metric: String,
        /// The evidence.
        reason: String,
    },
    /// Every variation is worse than the control.
    StopWorse {
        /// Which.
        variations: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Wait.
    KeepRunning {
        /// What is missing.
        why: Waiting,
        /// How many users are; absent when nobody can say.
        #[serde(skip_serializing_if = "Option::is_none")]
        users_left: Option<u64>,
        /// How many days that takes at the pace of the last week.
        #[serde(skip_serializing_if = "Option::is_none")]
        days_left: Option<f64>,
        /// In words.
        reason: String,
    },
    /// It has ended, or has all its users, without showing what should be done.
    Inconclusive {
        /// In words.
        reason: String,
    },
    /// The data must be looked into before anything is done.
    Investigate {
        /// A stable code: that of the alarm, or of what makes the verdict doubtful.
        why: &'static str,
        /// In words.
        reason: String,
    },
    /// It has not begun.
    NotStarted {
        /// In words.
        reason: String,
    },
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// The first data.
    Data,
    /// Enough users for the normal approximation.
    EnoughUsers,
    /// The first planned look.
    FirstLook,
    /// A difference, or the planned users.
    Difference,
    /// A variation is better, and its guardrails are not shown to be safe yet.
    Guardrails,
    /// A variation is better, but the verdict is doubtful.
    Certainty,
}

/// Recommends.
pub(super) fn recommend(
    plan: &ExperimentPlan,
    metrics: &[MetricResult],
    health: &Health,
    outlook: &Outlook,
) -> Recommendation {
    if let Some(breach) = breach(metrics) {
        return breach;
    }
    if let (false, Some(alarm)) = (health.sound, health.alarms.first()) {
        return Recommendation::Investigate { why: alarm.code, reason: alarm.detail.clone() };
    }
    let variations = Standing::all(metrics);
    if let Some(winner) = Standing::winner(&variations) {
        return Recommendation::Ship {
            variation: winner.variation.to_owned(),
            reason: format!("{}; {}", winner.reasons(Verdict::Better), winner.safety()),
        };
    }
    let is_worse = |standing: &Standing<'_>| standing.worse() && !standing.better();
    if !variations.is_empty() && variations.iter().all(is_worse) {
        let reasons: Vec<_> = variations.iter().map(|each| each.reasons(Verdict::Worse)).collect();
        return Recommendation::StopWorse {
            variations: variations.iter().map(|each| each.variation.to_owned()).collect(),
            reason: reasons.join("; "),
        };
    }
    if !variations.is_empty() && variations.iter().all(|each| each.better() && each.worse()) {
        return Recommendation::Inconclusive {
            reason: "the primary metrics disagree: some are better and some are worse".to_owned(),
        };
    }
    if plan.analysis.minimum_effect.is_some_and(|effect| futile(metrics, effect)) {
        let effect =
            plan.analysis.minimum_effect.map(f64::abs).map_or_else(String::new, words::share);
        return Recommendation::Inconclusive {
            reason: format!("an effect of {effect} or more is ruled out in every primary metric"),
        };
    }
    let candidate = variations.iter().find(|each| each.better() && !each.worse());
    if outlook.over || matches!(plan.status, Status::Stopped | Status::Decided) {
        return ended(candidate, outlook);
    }
    keep_running(plan, candidate, metrics, outlook)
}

fn breach(metrics: &[MetricResult]) -> Option<Recommendation> {
    comparisons(metrics).find_map(|(metric, comparison)| {
        let guardrail = comparison.guardrail.as_ref()?;
        (guardrail.state == State::Breach).then(|| Recommendation::StopGuardrail {
            variation: comparison.variation.clone(),
            metric: metric.metric.key.clone(),
            reason: guardrail.evidence.clone(),
        })
    })
}

fn ended(candidate: Option<&Standing<'_>>, outlook: &Outlook) -> Recommendation {
    let end = if outlook.over { "all planned users are there" } else { "the experiment has ended" };
    let Some(candidate) = candidate else {
        return Recommendation::Inconclusive {
            reason: format!("{end}, and no variation is told apart from the control as better"),
        };
    };
    match candidate.doubt() {
        Some((code, detail)) => Recommendation::Investigate {
            why: code,
            reason: format!("{}, but {detail}", candidate.reasons(Verdict::Better)),
        },
        None => Recommendation::Inconclusive {
            reason: format!("{}, but {}", candidate.reasons(Verdict::Better), candidate.safety()),
        },
    }
}

fn keep_running(
    plan: &ExperimentPlan,
    candidate: Option<&Standing<'_>>,
    metrics: &[MetricResult],
    outlook: &Outlook,
) -> Recommendation {
    let primary =
        || comparisons(metrics).filter(|(metric, _)| metric.role == Role::Primary).map(|(_, c)| c);
    let missing = |comparison: &Comparison| match comparison.verdict {
        Verdict::NotEstimable { reason } => Some(reason),
        _ => comparison.decision.missing(),
    };
    let all = |wanted: fn(Missing) -> bool| primary().all(|c| missing(c).is_some_and(wanted));
    let (why, reason) = match candidate {
        Some(candidate) => match candidate.doubt() {
            Some((_, detail)) => (
                Waiting::Certainty,
                format!("{}, but {detail}", candidate.reasons(Verdict::Better)),
            ),
            None => (
                Waiting::Guardrails,
                format!("{}, but {}", candidate.reasons(Verdict::Better), candidate.safety()),
            ),
        },
        None if all(|missing| missing == Missing::NoData) => {
            (Waiting::Data, "there are no data of the primary metrics yet".to_owned())
        }
        None if all(|missing| missing != Missing::NoLookYet) => {
            (Waiting::EnoughUsers, "there are too few data for any verdict".to_owned())
        }
        None if all(|_| true) => {
            (Waiting::FirstLook, "no planned look has been reached yet".to_owned())
        }
        None => (
            Waiting::Difference,
            "no variation is told apart from the control as better yet".to_owned(),
        ),
    };
    let left = match (outlook.users_left, outlook.days_left) {
        (Some(users), Some(days)) => format!(
            "; {} more users are wanted, about {} days",
            words::count(users),
            words::number(days)
        ),
        (Some(users), None) => format!("; {} more users are wanted", words::count(users)),
        _ => String::new(),
    };
    Recommendation::KeepRunning {
        why,
        users_left: outlook.users_left,
        days_left: outlook.days_left,
        reason: match plan.status {
            Status::Paused => format!("it is paused; {reason}{left}"),
            _ => format!("{reason}{left}"),
        },
    }
}

/// Whether every primary metric rules out effects as large as the smallest interesting one.
fn futile(metrics: &[MetricResult], effect: f64) -> bool {
    let small = |comparison: &Comparison| {
        let band = comparison.now.known().and_then(|now| now.always_valid.known());
        let set = band.and_then(|band| band.lift.known()).and_then(|lift| lift.fieller.known());
        matches!(set, Some(LiftSet::Bounded(set)) if set.lower > -effect.abs() && set.upper < effect.abs())
    };
    let mut primary = comparisons(metrics).filter(|(metric, _)| metric.role == Role::Primary);
    let mut any = false;
    primary.all(|(_, comparison)| {
        any = true;
        small(comparison)
    }) && any
}

fn comparisons(metrics: &[MetricResult]) -> impl Iterator<Item = (&MetricResult, &Comparison)> {
    metrics.iter().flat_map(|metric| metric.comparisons.iter().map(move |each| (metric, each)))
}

/// A variation over all metrics.
struct Standing<'a> {
    variation: &'a str,
    primary: Vec<(&'a MetricResult, &'a Comparison)>,
    guardrails: Vec<(&'a MetricResult, &'a Comparison)>,
}

impl<'a> Standing<'a> {
    fn all(metrics: &'a [MetricResult]) -> Vec<Self> {
        let first = metrics.first().map_or(&[][..], |metric| &metric.comparisons);
        let of = |variation: &str, wanted: fn(&Role) -> bool| {
            comparisons(metrics)
                .filter(|(metric, each)| each.variation == variation && wanted(&metric.role))
                .collect::<Vec<_>>()
        };
        first
            .iter()
            .map(|comparison| Self {
                variation: &comparison.variation,
                primary: of(&comparison.variation, |role| *role == Role::Primary),
                guardrails: of(&comparison.variation, |role| {
                    matches!(role, Role::Guardrail { .. })
                }),
            })
            .collect()
    }

    /// The best of those that may be shipped: the largest sum of statistics over the primary metrics.
    fn winner<'s>(all: &'s [Self]) -> Option<&'s Self> {
        let mut best: Option<(&'s Self, f64)> = None;
        for standing in all {
            let ready = standing.better()
                && !standing.worse()
                && standing.safe()
                && standing.doubt().is_none();
            let strength = standing.strength();
            if ready && best.is_none_or(|(_, before)| strength > before) {
                best = Some((standing, strength));
            }
        }
        best.map(|(standing, _)| standing)
    }

    fn better(&self) -> bool {
        self.primary.iter().any(|(_, each)| each.verdict == Verdict::Better)
    }

    fn worse(&self) -> bool {
        self.primary.iter().any(|(_, each)| each.verdict == Verdict::Worse)
    }

    fn strength(&self) -> f64 {
        let z = |(_, each): &(&MetricResult, &Comparison)| {
            let decision = each.decision.known()?;
            let size = (decision.difference / decision.se).abs();
            Some(if each.verdict == Verdict::Better { size } else { 0.0 })
        };
        self.primary.iter().filter_map(z).sum()
    }

    fn safe(&self) -> bool {
        let passed = |(_, each): &(&MetricResult, &Comparison)| {
            each.guardrail.as_ref().is_some_and(|guardrail| guardrail.state == State::Pass)
        };
        self.guardrails.iter().all(passed)
    }

    fn safety(&self) -> String {
        let open: Vec<&str> = self
            .guardrails
            .iter()
            .filter(|(_, each)| {
                each.guardrail.as_ref().is_some_and(|guardrail| guardrail.state != State::Pass)
            })
            .map(|(metric, _)| metric.metric.key.as_str())
            .collect();
        match (self.guardrails.len(), open.as_slice()) {
            (0, _) => "there are no guardrails".to_owned(),
            (_, []) => "all guardrails are passed".to_owned(),
            (_, open) => format!("not shown to be safe: {}", open.join(", ")),
        }
    }

    /// What makes a better verdict doubtful.
    fn doubt(&self) -> Option<(&'static str, String)> {
        self.primary
            .iter()
            .filter(|(_, each)| each.verdict == Verdict::Better)
            .find_map(|(_, each)| each.downgraded.first())
            .map(|note| (note.code, note.detail.clone()))
    }

    fn reasons(&self, verdict: Verdict) -> String {
        let told = |(metric, each): &(&MetricResult, &Comparison)| {
            let decision = each.decision.known()?;
            (each.verdict == verdict).then(|| sentence(&metric.metric.key, decision))
        };
        let (told, word): (Vec<String>, _) = (
            self.primary.iter().filter_map(told).collect(),
            if verdict == Verdict::Better { "better" } else { "worse" },
        );
        format!("{} is {word}: {}", self.variation, told.join(", "))
    }
}

fn sentence(metric: &str, decision: &Decision) -> String {
    let p = words::p(decision.corrected_p);
    let lift = decision.lift.known().and_then(|lift| {
        let set = lift.fieller.known()?;
        Some(format!("{} ({})", words::change(lift.estimate), words::changes(set)))
    });
    let change = lift.unwrap_or_else(|| {
        let interval = decision.interval.known().map(words::range).unwrap_or_default();
        format!("{} ({interval})", words::number(decision.difference))
    });
    format!("{metric} {change}, corrected p {p}")
}
