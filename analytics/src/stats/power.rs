//! How long an experiment must run: power, minimal detectable effect, sample size.
//!
//! Under CUPED every variance here is `s² (1 - rho²)`; under a sequential design every sample size is multiplied by
//! [`super::sequential::design::Design::inflation`], see [`Plan`].

use serde::Serialize;

use super::no_answer::{NoAnswer, finite, require};
use super::sequential::design::Design;
use super::special::{normal_isf, normal_upper};
use super::{Alpha, root};

/// A probability of finding the effect, strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Power(f64);

impl Power {
    /// 80 %.
    pub const EIGHTY_PERCENT: Self = Self(0.8);

    /// A power.
    ///
    /// # Errors
    /// Invalid unless it lies between 0 and 1 - 1e-9.
    pub fn new(power: f64) -> Result<Self, NoAnswer> {
        require(power > 0.0 && power < 1.0 - 1e-9, "power must lie between 0 and 1, exclusive")?;
        Ok(Self(power))
    }

    /// The probability.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    fn z(self) -> f64 {
        normal_isf(1.0 - self.0)
    }
}

/// What is left of a variance when a covariate of correlation `rho` is taken out: `s² (1 - rho²)` (Deng, Xu, Kohavi and
/// Walker 2013).
///
/// # Errors
/// Invalid unless the variance is finite and not negative and `rho` lies in -1 to 1.
pub fn after_cuped(variance: f64, rho: f64) -> Result<f64, NoAnswer> {
    require(variance.is_finite() && variance >= 0.0, "the variance must be finite, not negative")?;
    require((-1.0..=1.0).contains(&rho), "a correlation must lie between -1 and 1")?;
    Ok(variance * (1.0 - rho) * (1.0 + rho))
}

/// `√(s² (1/n1 + 1/n2))`, the standard error of the difference.
///
/// # Errors
/// [`NoAnswer::TooFew`] without users, [`NoAnswer::NoVariance`] with a variance of zero.
pub fn standard_error(n: [f64; 2], variance: f64) -> Result<f64, NoAnswer> {
    require(variance.is_finite() && variance >= 0.0, "the variance must be finite, not negative")?;
    require(n.iter().all(|n| n.is_finite()), "the numbers of users must be finite")?;
    if n.iter().any(|n| *n < 1.0) {
        return Err(NoAnswer::TooFew);
    }
    let se = finite((variance * (1.0 / n[0] + 1.0 / n[1])).sqrt())?;
    if se <= 0.0 { Err(NoAnswer::NoVariance) } else { Ok(se) }
}

/// The power of the two-sided z test, both tails: `Φ(δ/se - z) + Φ(-δ/se - z)` (Cohen 1988, chapter 2, in normal form).
///
/// # Errors
/// Invalid unless both are finite and the standard error positive.
pub fn power(effect: f64, se: f64, alpha: Alpha) -> Result<f64, NoAnswer> {
    require(effect.is_finite() && se.is_finite() && se > 0.0, "effect and error must be finite")?;
    let (drift, z) = (effect / se, alpha.z());
    finite(normal_upper(z - drift) + normal_upper(z + drift))
}

/// The smallest effect that is found with the power asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mde {
    /// Standard error.
    pub se: f64,
    /// `(z(1-α/2) + z(power)) se`, ignoring the far tail.
    pub absolute: f64,
    /// The same with both tails, by root finding.
    pub absolute_exact: f64,
    /// `absolute` over the baseline; `None` with a baseline of zero.
    pub relative: Option<f64>,
    /// The positive lift that a delta-method interval of the lift detects, whose variance depends on the treatment's mean:
    /// the larger solution of `(m2 - m1)² = k² (s²/n2 + s² m2² / (n1 m1²))`. `None` where there is none: the baseline is too
    /// noisy.
    pub relative_delta: Option<f64>,
}

/// The minimal detectable effect of a mean with `n` users (Bloom 1995, Evaluation Review 19:547).
///
/// # Errors
/// Those of [`standard_error`]; invalid unless the baseline is finite.
pub fn mde(
    n: [f64; 2],
    baseline: f64,
    variance: f64,
    alpha: Alpha,
    wanted: Power,
) -> Result<Mde, NoAnswer> {
    require(baseline.is_finite(), "the baseline must be finite")?;
    let se = standard_error(n, variance)?;
    let k = alpha.z() + wanted.z();
    let absolute = finite(k * se)?;
    let z = alpha.z();
    let exact = root::find(
        |drift| normal_upper(z - drift) + normal_upper(z + drift) - wanted.get(),
        0.0,
        z + wanted.z().abs() + 10.0,
    );
    // With x = m2 / m1 and noise q_i = k² s² / (n_i m1²): (x - 1)² = q2 + q1 x².
    let noise = |n: f64| (k / baseline).powi(2) * (variance / n);
    let (q1, q2) = (noise(n[0]), noise(n[1]));
    let spread = q1 + q2 - q1 * q2;
    let delta = (q1 < 1.0 && spread >= 0.0).then(|| (q1 + spread.sqrt()) / (1.0 - q1));
    Ok(Mde {
        se,
        absolute,
        absolute_exact: exact * se,
        relative: (baseline != 0.0).then(|| absolute / baseline.abs()).filter(|x| x.is_finite()),
        relative_delta: delta.filter(|lift| lift.is_finite()),
    })
}

/// What a sample size is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Two-sided level.
    pub alpha: Alpha,
    /// Power.
    pub power: Power,
    /// Users of treatment for one of control.
    pub ratio: f64,
}

impl Plan {
    /// Users of control to find `delta` in a mean, before rounding up: `(z(1-α/2) + z(power))² s² (1 + 1/r) / δ²`
    /// (Chow, Shao and Wang 2008, 3.2).
    ///
    /// # Errors
    /// [`NoAnswer::NotEstimable`] for an effect of zero; invalid unless variance and ratio are positive and finite.
    pub fn users(&self, delta: f64, variance: f64) -> Result<f64, NoAnswer> {
        require(self.ratio > 0.0 && self.ratio.is_finite(), "the ratio must be positive")?;
        require(
            variance.is_finite() && variance >= 0.0,
            "the variance must be finite, not negative",
        )?;
        require(delta.is_finite(), "the effect must be finite")?;
        if delta == 0.0 {
            return Err(NoAnswer::NotEstimable);
        }
        let k = self.alpha.z() + self.power.z();
        finite((k / delta).powi(2) * variance * (1.0 + 1.0 / self.ratio))
    }

    /// Users of control in the worst case when the experiment is looked at by a design: a single look's, times the
    /// design's inflation.
    ///
    /// # Errors
    /// Those of [`Plan::users`] and of [`Design::inflation`].
    pub fn users_sequential(
        &self,
        delta: f64,
        variance: f64,
        design: Design,
    ) -> Result<f64, NoAnswer> {
        let factor = design.inflation(self.alpha, self.power.get())?.factor;
        finite(self.users(delta, variance)? * factor)
    }
}

/// Users per arm to tell two rates apart, before rounding up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ProportionSize {
    /// With the pooled variance under "no difference": `(z √(2 p̄ q̄) + z(power) √(p1 q1 + p2 q2))² / δ²` (Fleiss 1981); what
    /// the chi-square test needs.
    pub pooled: f64,
    /// With the two variances: `(z + z(power))² (p1 q1 + p2 q2) / δ²`.
    pub unpooled: f64,
    /// On the arcsine scale: `2 (z + z(power))² / h²`, `h = 2 asin √p2 - 2 asin √p1` (Cohen 1988, chapter 6).
    pub arcsine: f64,
}

/// Sample sizes for two rates in arms of the same size.
///
/// # Errors
/// [`NoAnswer::NotEstimable`] for equal rates; invalid unless both lie between 0 and 1.
pub fn proportion_size(
    p: [f64; 2],
    alpha: Alpha,
    wanted: Power,
) -> Result<ProportionSize, NoAnswer> {
    require(p.iter().all(|p| *p >= 0.0 && *p <= 1.0), "rates must lie between 0 and 1")?;
    let delta = p[1] - p[0];
    let h = 2.0 * (p[1].sqrt().asin() - p[0].sqrt().asin());
    if delta == 0.0 || h == 0.0 {
        return Err(NoAnswer::NotEstimable);
    }
    let (z, beta) = (alpha.z(), wanted.z());
    let mean = 0.5 * (p[0] + p[1]);
    let apart = p[0] * (1.0 - p[0]) + p[1] * (1.0 - p[1]);
    let pooled = z * (2.0 * mean * (1.0 - mean)).sqrt() + beta * apart.sqrt();
    Ok(ProportionSize {
        pooled: finite((pooled / delta).powi(2))?,
        unpooled: finite(((z + beta) / delta).powi(2) * apart)?,
        arcsine: finite(2.0 * ((z + beta) / h).powi(2))?,
    })
}
