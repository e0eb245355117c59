//! The question, as it comes over HTTP, and what can be wrong with it.

use serde::{Deserialize, Serialize};

use crate::plan::Method;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerInput {
    /// The metric as it is today.
    pub metric: Baseline,
    /// How many new users take part on a day, in all arms.
    pub users_per_day: f64,
    /// The correlation of the metric with itself in the time before, from -1 to 1; 0 is no CUPED.
    #[serde(default)]
    pub covariate_correlation: f64,
    /// The smallest relative effect worth finding: 0.02 is two percent more, -0.02 two percent less.
    #[serde(default)]
    pub minimum_effect: Option<f64>,
    /// The false positive rate of all comparisons together, two-sided.
    #[serde(default = "five_percent")]
    pub alpha: f64,
    /// The power.
    #[serde(default = "eighty_percent")]
    pub power: f64,
    /// The weights of the arms, the control first; their sum does not matter.
    #[serde(default = "equal")]
    pub weights: Vec<f64>,
    /// Over how many comparisons alpha is shared, metrics times treatments; as many as treatments unless said.
    #[serde(default)]
    pub comparisons: Option<u32>,
    /// How looking more than once is paid for.
    #[serde(default = "fleming")]
    pub method: Method,
    /// How many planned looks there are.
    #[serde(default = "fourteen")]
    pub looks: u16,
}

/// A metric as it is today, from its own history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Baseline {
    /// A share of users: binomial, retention, funnel.
    Binomial {
        /// The share.
        rate: f64,
    },
    /// A mean over users: mean, count; also a ratio, with the variance of one user after the delta method.
    Mean {
        /// The mean.
        mean: f64,
        /// The variance over users.
        variance: f64,
    },
}

/// Something wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What must hold.
    pub detail: &'static str,
}

/// As many arms as an experiment can sensibly have.
const MOST_ARMS: usize = 100;

impl PowerInput {
    /// Everything that is wrong with the fields.
    pub(super) fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut checks = vec![
            (
                self.users_per_day.is_finite() && (1e-3..=1e12).contains(&self.users_per_day),
                "/users_per_day".to_owned(),
                "the users of a day must lie between 0.001 and 1e12",
            ),
            (
                self.covariate_correlation.abs() < 1.0,
                "/covariate_correlation".to_owned(),
                "a correlation must lie between -1 and 1, exclusive",
            ),
            (
                self.alpha > 1e-6 && self.alpha < 0.5,
                "/alpha".to_owned(),
                "alpha must lie between 0.000001 and 0.5, exclusive",
            ),
            (
                self.power > self.alpha && self.power < 0.9999,
                "/power".to_owned(),
                "power must lie between alpha and 0.9999, exclusive",
            ),
            (
                (2..=MOST_ARMS).contains(&self.weights.len()),
                "/weights".to_owned(),
                "there must be 2 to 100 arms, the control first",
            ),
            (
                self.comparisons.is_none_or(|number| (1..=10_000).contains(&number)),
                "/comparisons".to_owned(),
                "there must be 1 to 10000 comparisons",
            ),
            ((1..=100).contains(&self.looks), "/looks".to_owned(), "there must be 1 to 100 looks"),
        ];
        checks.extend(self.weights.iter().take(MOST_ARMS).enumerate().map(|(at, weight)| {
            (
                (1e-6..=1e6).contains(weight),
                format!("/weights/{at}"),
                "a weight must lie between 0.000001 and 1000000: leave out arms without users",
            )
        }));
        checks.extend(self.metric.checks());
        checks.extend(self.minimum_effect.map(|effect| {
            (
                effect.is_finite() && (1e-9..=1e3).contains(&effect.abs()) && effect > -1.0,
                "/minimum_effect".to_owned(),
                "the smallest effect must be a share other than 0, above -1, at most 1000",
            )
        }));
        if let (Baseline::Binomial { rate }, Some(effect)) = (self.metric, self.minimum_effect) {
            checks.push((
                rate * (1.0 + effect) <= 1.0,
                "/minimum_effect".to_owned(),
                "the rate with the effect must be at most 1",
            ));
        }
        let wrong: Vec<_> = checks
            .into_iter()
            .filter(|(holds, ..)| !holds)
            .map(|(_, pointer, detail)| Invalid { pointer, detail })
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl Baseline {
    fn checks(self) -> Vec<(bool, String, &'static str)> {
        match self {
            Self::Binomial { rate } => vec![(
                rate > 0.0 && rate < 1.0,
                "/metric/rate".to_owned(),
                "the rate must lie between 0 and 1, exclusive",
            )],
            Self::Mean { mean, variance } => vec![
                (
                    mean.abs() <= 1e100 && mean.abs() >= 1e-100,
                    "/metric/mean".to_owned(),
                    "the mean must be finite and not 0: relative effects need a baseline",
                ),
                (
                    (1e-200..=1e200).contains(&variance),
                    "/metric/variance".to_owned(),
                    "the variance must be finite and positive",
                ),
            ],
        }
    }
}

const fn five_percent() -> f64 {
    0.05
}

const fn eighty_percent() -> f64 {
    0.8
}

fn equal() -> Vec<f64> {
    vec![1.0, 1.0]
}

const fn fleming() -> Method {
    Method::ObrienFleming
}

const fn fourteen() -> u16 {
    14
}
