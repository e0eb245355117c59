//! The Bayesian view of the newest state, with priors that say nothing: chance to win and expected loss.

use serde::Serialize;

use super::answer::{Answer, Missing};
use super::effect::{Effect, is_share};
use crate::plan::{Better, Metric};
use crate::stats::bayes::{beta_binomial, normal};
use crate::stats::{Alpha, Proportion};

/// What one may believe. It does not control errors: looking until the chance to win is high finds winners among arms
/// that are the same, which is why it decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Belief {
    /// How it was computed: shares without CUPED with uniform beta priors, everything else as a normal likelihood.
    pub model: Model,
    /// The probability that the variation is better than the control, in the metric's own direction.
    pub chance_to_win: f64,
    /// What is lost on average by shipping it, in the metric's unit.
    pub loss_of_shipping: f64,
    /// What is lost on average by keeping the control.
    pub loss_of_keeping: f64,
    /// Always false: unlike the deciding p-value this is not corrected for looking repeatedly.
    pub controls_errors: bool,
}

/// The model behind a belief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Beta priors with shapes 1 and 1.
    BetaBinomial,
    /// A flat prior of the difference.
    Normal,
}

pub(super) fn of(
    metric: &Metric,
    effect: &Effect,
    shares: [Result<Proportion, Missing>; 2],
    alpha: Alpha,
) -> Answer<Belief> {
    let (higher, model) = match shares {
        [Ok(control), Ok(treatment)] if is_share(metric) && effect.cuped.is_none() => {
            let found = beta_binomial::compare(&control, &treatment, (1.0, 1.0));
            let told = found.map(|found| {
                (found.treatment_wins.p(), found.loss_of_treatment, found.loss_of_control)
            });
            (told, Model::BetaBinomial)
        }
        _ => {
            let difference = &effect.difference;
            let found =
                normal::posterior(difference.estimate, difference.se, normal::Prior::Flat, alpha);
            (found.map(|found| (found.positive.p(), found.loss, found.gain)), Model::Normal)
        }
    };
    higher
        .map(|(wins, loss, gain)| {
            let turned = metric.better == Better::Lower;
            Belief {
                model,
                chance_to_win: if turned { 1.0 - wins } else { wins },
                loss_of_shipping: if turned { gain } else { loss },
                loss_of_keeping: if turned { loss } else { gain },
                controls_errors: false,
            }
        })
        .into()
}
