//! The sizes of a checked input: users for an effect, the effect for users, and the power of both.

use super::Detectable;
use super::input::{Baseline, Invalid, PowerInput};
use crate::plan::Method;
use crate::stats::power::{self, Power, mde, proportion_size, standard_error};
use crate::stats::sequential::always_valid::{Tuning, point};
use crate::stats::sequential::design::{Design, Shape};
use crate::stats::special::normal_isf;
use crate::stats::{Alpha, NoAnswer};

/// An input with everything worked out that does not depend on users or effects.
pub(super) struct Question {
    pub(super) alpha: Alpha,
    pub(super) comparisons: u32,
    pub(super) inflation: f64,
    pub(super) variance_left: f64,
    power: Power,
    metric: Baseline,
    /// Shares of the arms, the control first.
    shares: Vec<f64>,
    /// Users of the smallest treatment for one of control.
    ratio: f64,
    /// Whether the effect asked about is a decrease.
    sign: f64,
}

impl Question {
    pub(super) fn of(input: &PowerInput) -> Result<Self, Vec<Invalid>> {
        input.check()?;
        let treatments = u32::try_from(input.weights.len() - 1).unwrap_or(u32::MAX);
        let comparisons = input.comparisons.unwrap_or(treatments);
        let refused = |pointer: &'static str| {
            let detail = "no plan can be made of these numbers";
            move |_: NoAnswer| vec![Invalid { pointer: pointer.to_owned(), detail }]
        };
        let alpha = Alpha::new(input.alpha / f64::from(comparisons)).map_err(refused("/alpha"))?;
        let power = Power::new(input.power).map_err(refused("/power"))?;
        let inflation =
            inflation(input.method, input.looks, alpha, power).map_err(refused("/method"))?;
        let total: f64 = input.weights.iter().sum();
        let smallest = input.weights[1..].iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self {
            alpha,
            comparisons,
            inflation,
            variance_left: power::after_cuped(1.0, input.covariate_correlation)
                .map_err(refused("/covariate_correlation"))?,
            power,
            metric: input.metric,
            shares: input.weights.iter().map(|weight| weight / total).collect(),
            ratio: smallest / input.weights[0],
            sign: input.minimum_effect.map_or(1.0, f64::signum),
        })
    }

    /// How so many users are spread over the arms.
    pub(super) fn arms(&self, users: f64) -> impl Iterator<Item = f64> + '_ {
        self.shares.iter().map(move |share| share * users)
    }

    /// Users in all arms for a relative effect.
    pub(super) fn users(&self, effect: f64) -> Result<f64, NoAnswer> {
        Ok(self.control(effect, self.power)? / self.shares[0])
    }

    /// Users of control for a relative effect. Rates after Fleiss (1981) with the pooled variance, whose size for equal
    /// arms is carried over to unequal ones by `(1 + 1/r) / 2`.
    fn control(&self, effect: f64, power: Power) -> Result<f64, NoAnswer> {
        let single = match self.metric {
            Baseline::Mean { mean, variance } => {
                power::Plan { alpha: self.alpha, power, ratio: self.ratio }
                    .users(mean * effect, variance)?
            }
            Baseline::Binomial { rate } => {
                let with = (rate * (1.0 + effect)).clamp(0.0, 1.0);
                let equal = proportion_size([rate, with], self.alpha, power)?.pooled;
                equal * (1.0 + 1.0 / self.ratio) / 2.0
            }
        };
        Ok(single * self.variance_left * self.inflation)
    }

    /// The smallest effect that so many users in all arms find.
    pub(super) fn detectable(&self, users: f64) -> Result<Detectable, NoAnswer> {
        let pair = self.pair(users)?;
        match self.metric {
            Baseline::Mean { mean, variance } => {
                let variance = variance * self.variance_left * self.inflation;
                let found = mde(pair, mean, variance, self.alpha, self.power)?;
                let sign = self.sign * mean.signum();
                Ok(Detectable {
                    absolute: sign * found.absolute,
                    relative: found.relative.map(|relative| self.sign * relative),
                })
            }
            Baseline::Binomial { rate } => {
                let largest = if self.sign > 0.0 { (1.0 - rate) / rate } else { 1.0 };
                let enough =
                    |size: f64| self.control(self.sign * size, self.power).map(|n| n <= pair[0]);
                if !enough(largest)? {
                    return Err(NoAnswer::TooFew);
                }
                let size = bisect(0.0, largest, |size| enough(size).unwrap_or(false));
                let relative = self.sign * size;
                Ok(Detectable { absolute: rate * relative, relative: Some(relative) })
            }
        }
    }

    /// The power of so many users in all arms for a relative effect.
    pub(super) fn power(&self, users: f64, effect: f64) -> Result<f64, NoAnswer> {
        let pair = self.pair(users)?;
        match self.metric {
            Baseline::Mean { mean, variance } => {
                let se = standard_error(pair, variance * self.variance_left * self.inflation)?;
                power::power(mean * effect, se, self.alpha)
            }
            Baseline::Binomial { .. } => {
                let short = |power: f64| {
                    Power::new(power)
                        .and_then(|power| self.control(effect, power))
                        .map_or(true, |n| n > pair[0])
                };
                // Below alpha there is no power, and the formula for the size has no meaning.
                Ok(bisect(self.alpha.get(), 1.0 - 1e-8, short))
            }
        }
    }

    /// Users of control and of the smallest treatment.
    fn pair(&self, users: f64) -> Result<[f64; 2], NoAnswer> {
        let control = users * self.shares[0];
        let pair = [control, control * self.ratio];
        // One user an arm varies nothing.
        if pair.iter().any(|n| *n < 2.0) { Err(NoAnswer::TooFew) } else { Ok(pair) }
    }
}

/// Where `holds` turns from false to true between `low` and `high`.
fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// By how much looking more than once multiplies the sample.
fn inflation(method: Method, looks: u16, alpha: Alpha, power: Power) -> Result<f64, NoAnswer> {
    let design = |shape| Ok(Design::new(shape, looks)?.inflation(alpha, power.get())?.factor);
    match method {
        Method::Fixed => Ok(1.0),
        Method::ObrienFleming => design(Shape::OBrienFleming),
        Method::Pocock => design(Shape::Pocock),
        Method::AlwaysValid => {
            // A band tuned for its last look: the critical value does not depend on how many users those are.
            let users = Tuning::USERS;
            let critical = point(0.0, 1.0, users, Tuning::new(alpha, users)?)?.interval.upper;
            let beyond = normal_isf(1.0 - power.get());
            Ok(((critical + beyond) / (alpha.z() + beyond)).powi(2))
        }
    }
}
