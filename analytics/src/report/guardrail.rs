//! Guardrails: pass when the variation is shown to be no worse than the margin, breach when harm is shown, undecided
//! otherwise. Always-valid at every state, so that looking all the time is safe.
//!
//! What was shown stays shown: the state is what the last decisive state said. A harm that begins late takes a pass
//! back, and a breach is taken back only by data that show the harm to be within the margin.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::Missing;
use super::band;
use super::effect::Effect;
use super::words;
use crate::figures::Point;
use crate::plan::{Better, Metric};
use crate::stats::guardrail::{self as test, Verdict};
use crate::stats::lift::LiftSet;
use crate::stats::sequential::always_valid::Tuning;
use crate::stats::{Alpha, Arm, Interval};

/// A guardrail and one variation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guardrail {
    /// The relative loss that is accepted: 0.01 is one percent.
    pub margin: f64,
    /// What was shown.
    pub state: State,
    /// Since when; absent while undecided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why, in words and numbers.
    pub evidence: String,
}

/// What a guardrail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Shown to be no worse than the margin.
    Pass,
    /// Shown to be worse than the control, and not shown to be within the margin.
    Breach,
    /// Neither yet.
    Undecided,
    /// There is nothing to judge it by.
    NotEstimable {
        /// Why.
        reason: Missing,
    },
}

/// A breach, for whoever acts on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Key of the metric.
    pub metric: String,
    /// Key of the variation.
    pub variation: String,
    /// Why, in words and numbers.
    pub evidence: String,
}

/// What a guardrail is judged by.
pub(super) struct Watch<'a> {
    pub(super) metric: &'a Metric,
    pub(super) margin: f64,
    pub(super) variation: &'a str,
    pub(super) effects: &'a [Result<Effect, Missing>],
    pub(super) points: &'a [Point],
    pub(super) tuning: Tuning,
    pub(super) alpha: Alpha,
}

impl Watch<'_> {
    pub(super) fn state(&self) -> Guardrail {
        let mut decided: Option<(Verdict, usize)> = None;
        for (at, effect) in self.effects.iter().enumerate() {
            let Ok(effect) = effect else { continue };
            let verdict = self.judge(effect);
            if verdict != Verdict::Undecided && decided.is_none_or(|(before, _)| before != verdict)
            {
                decided = Some((verdict, at));
            }
        }
        let state = match decided {
            Some((Verdict::Pass, _)) => State::Pass,
            Some((Verdict::Breach, _)) => State::Breach,
            _ => match self.effects.last() {
                Some(Ok(Effect { burn_in: Err(reason), .. }) | Err(reason)) => {
                    State::NotEstimable { reason: *reason }
                }
                Some(Ok(_)) => State::Undecided,
                None => State::NotEstimable { reason: Missing::NoData },
            },
        };
        let since = decided.map(|(_, at)| self.points[at].at);
        let told = decided.map(|(_, at)| at).or_else(|| self.effects.len().checked_sub(1));
        let evidence = told.map_or_else(String::new, |at| self.evidence(state, at));
        Guardrail { margin: self.margin, state, since, evidence }
    }

    fn judge(&self, effect: &Effect) -> Verdict {
        if effect.burn_in.is_err() {
            return Verdict::Undecided;
        }
        let [control, treatment] = &effect.arms;
        // A margin is a share of the size of the control: below zero everything is mirrored.
        let mirrored = control.mean() < 0.0;
        let (Ok(one), Ok(two)) = (mirror(control, mirrored), mirror(treatment, mirrored)) else {
            return Verdict::Undecided;
        };
        let higher = (self.metric.better == Better::Higher) != mirrored;
        let (better, margin) = if higher {
            (test::Better::Higher, -self.margin)
        } else {
            (test::Better::Lower, self.margin)
        };
        test::anytime(&one, &two, margin, better, self.tuning).unwrap_or(Verdict::Undecided)
    }

    fn evidence(&self, state: State, at: usize) -> String {
        let name = &self.metric.key;
        let (variation, time) = (self.variation, self.points[at].at);
        let effect = match &self.effects[at] {
            Ok(effect) => effect,
            Err(missing) => return format!("{name} of {variation}: {missing}"),
        };
        if let State::NotEstimable { reason } = state {
            return format!("{name} of {variation}: {reason}");
        }
        let critical = band::critical(effect.users(), self.tuning, self.alpha);
        let difference = &effect.difference;
        let interval = Interval::around(difference.estimate, critical * difference.se);
        let lift = effect
            .lift()
            .map_or_else(|_| String::new(), |lift| format!(" ({})", words::change(lift)));
        let lifts = effect.relative.fieller(critical).ok().and_then(|set| match set {
            LiftSet::Bounded(_) => Some(format!(", relative {}", words::changes(&set))),
            LiftSet::Outside { .. } | LiftSet::Everything => None,
        });
        let conclusion = match state {
            State::Breach => "harm is shown",
            State::Pass => "no worse than the margin",
            State::Undecided | State::NotEstimable { .. } => "neither harm nor safety is shown yet",
        };
        format!(
            "{name} of {variation} is {}{lift} against {} of the control, {} and {} users as of {time}; \
             the always-valid {} band of the difference is {}{}, the margin {}: {conclusion}",
            words::number(effect.arms[1].mean()),
            words::number(effect.arms[0].mean()),
            words::count(effect.arms[1].n()),
            words::count(effect.arms[0].n()),
            words::share(1.0 - self.alpha.get()),
            words::range(&interval),
            lifts.unwrap_or_default(),
            words::share(self.margin),
        )
    }
}

fn mirror(arm: &Arm, mirrored: bool) -> Result<Arm, crate::stats::NoAnswer> {
    let mean = if mirrored { -arm.mean() } else { arm.mean() };
    Arm::new(arm.n(), mean, arm.variance())
}
