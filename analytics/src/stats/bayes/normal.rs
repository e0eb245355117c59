//! A difference or a lift with a normal prior.

use serde::Serialize;

use crate::stats::no_answer::{NoAnswer, finite, require};
use crate::stats::special::{normal_density, normal_sf};
use crate::stats::{Alpha, Interval, Tail};

/// What is believed before the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Prior {
    /// Nothing: the posterior is the likelihood.
    Flat,
    /// A normal distribution of the effect.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its variance.
        variance: f64,
    },
}

/// What is believed after the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Posterior {
    /// Mean of the effect.
    pub mean: f64,
    /// Standard deviation of the effect.
    pub sd: f64,
    /// The central interval at 1 - alpha.
    pub interval: Interval,
    /// The probability of an effect above zero.
    pub positive: Tail,
    /// `E max(effect, 0)`: what keeping control loses where more is better.
    pub gain: f64,
    /// `E max(-effect, 0)`: what shipping loses where more is better.
    pub loss: f64,
}

/// Normal likelihood, normal prior: precisions add, means are weighted by them (Gelman et al., "Bayesian Data Analysis",
/// 2.5). Expected loss in closed form: `E max(X, 0) = sd φ(μ/sd) + μ Φ(μ/sd)`.
///
/// # Errors
/// [`NoAnswer::NoVariance`] when the standard error is zero; invalid when a number is not finite or the variance of the
/// prior not positive.
pub fn posterior(
    estimate: f64,
    se: f64,
    prior: Prior,
    alpha: Alpha,
) -> Result<Posterior, NoAnswer> {
    require(
        estimate.is_finite() && se.is_finite() && se >= 0.0,
        "estimate and error must be finite",
    )?;
    if se <= 0.0 {
        return Err(NoAnswer::NoVariance);
    }
    let (mean, sd) = match prior {
        Prior::Flat => (estimate, se),
        Prior::Normal { mean, variance } => {
            require(mean.is_finite(), "the mean of the prior must be finite")?;
            require(
                variance.is_finite() && variance > 0.0,
                "the variance of the prior must be positive",
            )?;
            // The share of the data in the posterior, without inverses that overflow.
            let spread = variance.sqrt().hypot(se);
            let share = (variance.sqrt() / spread).powi(2);
            let rest = (se / spread).powi(2);
            (finite(estimate * share + mean * rest)?, se * (variance.sqrt() / spread))
        }
    };
    if sd <= 0.0 {
        return Err(NoAnswer::NoVariance);
    }
    let z = finite(mean / sd)?;
    let half = alpha.z() * sd;
    Ok(Posterior {
        mean,
        sd,
        interval: Interval::around(mean, half),
        positive: normal_sf(-z)?,
        gain: expected_excess(z, sd),
        loss: expected_excess(-z, sd),
    })
}

/// `sd (φ(z) + z Φ(z))`; for `z` far below zero its two terms cancel, and what is left is `φ(z) Σ` of Mills' expansion
/// (Abramowitz and Stegun 26.2.12).
fn expected_excess(z: f64, sd: f64) -> f64 {
    if z > -5.0 {
        return sd * (normal_density(z) + z * (0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)));
    }
    // φ(z) - s Q(s) with s = -z: from the continued fraction Q = φ / (s + 1/(s + 2/(s + …))).
    let s = -z;
    let mut fraction = s;
    for k in (2..=60).rev() {
        fraction = s + f64::from(k) / fraction;
    }
    // φ (1 - s / (s + 1/fraction)) = φ / (s fraction + 1)
    sd * normal_density(z) / (s * fraction + 1.0)
}
