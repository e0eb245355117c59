//! Confidence sequences: intervals that cover at all times at once, so that anyone may look whenever they like. Wider
//! than a planned design; the guarantee is asymptotic, hence the burn-in.

use serde::Serialize;

use crate::stats::no_answer::{NoAnswer, finite, require};
use crate::stats::{Alpha, Arm, Interval, Tail, welch::welch};

/// Users per arm before the sequence is shown.
pub const BURN_IN_USERS: u64 = 100;
/// Conversions per arm before the sequence of a binary metric is shown.
pub const BURN_IN_CONVERSIONS: u64 = 20;

/// The level, and the number of users at which the sequence is tightest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tuning {
    alpha: Alpha,
    users: f64,
}

impl Tuning {
    /// The number of users other engines tune for.
    pub const USERS: f64 = 5e3;

    /// A tuning.
    ///
    /// # Errors
    /// Invalid unless `users` lies between 1 and 1e15.
    pub fn new(alpha: Alpha, users: f64) -> Result<Self, NoAnswer> {
        require(
            (1.0..=1e15).contains(&users),
            "the users to tune for must lie between 1 and 1e15",
        )?;
        Ok(Self { alpha, users })
    }

    /// The width of the mixture, `ρ² = (-2 ln α + ln(1 - 2 ln α)) / N*`.
    #[must_use]
    pub fn rho(&self) -> f64 {
        let ln = self.alpha.get().ln();
        ((-2.0 * ln + (-2.0 * ln).ln_1p()) / self.users).sqrt()
    }
}

/// A point of a confidence sequence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Treatment minus control.
    pub estimate: f64,
    /// Its standard error.
    pub se: f64,
    /// The interval now.
    pub interval: Interval,
    /// Logarithm of the e-value: the evidence against "no effect".
    pub ln_e: f64,
    /// `min(1, 1/e)`; the running minimum is what to report.
    pub p: Tail,
}

/// The asymptotic confidence sequence of an estimate over `users` users of both arms (Waudby-Smith, Arbour, Sinha, Kennedy
/// and Ramdas 2021, arXiv 2103.06476, equation 9; Howard, Ramdas, McAuliffe and Sekhon 2021, equation 14): half-width
/// `se √(2 (Nρ² + 1)/(Nρ²) ln(√(Nρ² + 1)/α))`, `ln e = Nρ² z² / (2 (Nρ² + 1)) - ½ ln(Nρ² + 1)`.
///
/// # Errors
/// [`NoAnswer::NoVariance`] with a standard error of zero, [`NoAnswer::TooFew`] without users.
pub fn point(estimate: f64, se: f64, users: f64, tuning: Tuning) -> Result<Point, NoAnswer> {
    require(
        estimate.is_finite() && se.is_finite() && se >= 0.0,
        "estimate and error must be finite",
    )?;
    require(users.is_finite(), "the number of users must be finite")?;
    if se <= 0.0 {
        return Err(NoAnswer::NoVariance);
    }
    if users < 1.0 {
        return Err(NoAnswer::TooFew);
    }
    let scaled = users * tuning.rho().powi(2);
    let ln_scale = scaled.ln_1p();
    let width = 2.0 * (scaled + 1.0) / scaled * (0.5 * ln_scale - tuning.alpha.get().ln());
    let z = finite(estimate / se)?;
    let ln_e = finite(scaled / (2.0 * (scaled + 1.0)) * z * z - 0.5 * ln_scale)?;
    let interval = Interval::around(estimate, finite(se * width.sqrt())?);
    Ok(Point { estimate, se, interval, ln_e, p: Tail::from_ln(-ln_e) })
}

/// The sequence of a difference of means.
///
/// # Errors
/// Those of [`welch`].
pub fn of_means(control: &Arm, treatment: &Arm, tuning: Tuning) -> Result<Point, NoAnswer> {
    let comparison = welch(control, treatment, tuning.alpha)?;
    point(comparison.estimate, comparison.se, control.users() + treatment.users(), tuning)
}

/// Whether the arms have the users the asymptotic guarantee wants. A binary metric also wants
/// [`BURN_IN_CONVERSIONS`].
#[must_use]
pub const fn burned_in(control: &Arm, treatment: &Arm) -> bool {
    control.n() >= BURN_IN_USERS && treatment.n() >= BURN_IN_USERS
}

/// The sequence so far: the smallest p-value, and the intersection of the intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Running {
    /// The running minimum.
    pub p: Tail,
    /// The running intersection. Empty (lower above upper) when the effect has changed over time.
    pub interval: Interval,
}

impl Default for Running {
    fn default() -> Self {
        let interval = Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
        Self { p: Tail::CERTAIN, interval }
    }
}

impl Running {
    /// Adds a point.
    pub fn add(&mut self, point: &Point) {
        if point.p < self.p {
            self.p = point.p;
        }
        self.interval.lower = self.interval.lower.max(point.interval.lower);
        self.interval.upper = self.interval.upper.min(point.interval.upper);
    }
}

/// Statsig's mixture sequential test, to compare with that engine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Msprt {
    /// Mixture variance, `z(1-α/2)² (s1² + s2²)/(n1 + n2)`.
    pub tau: f64,
    /// `√((V + τ)/τ (-2 ln(α/2) - ln(V/(V + τ))))`, as documented; half of alpha once too often, hence conservative.
    pub critical_documented: f64,
    /// The same with alpha, which already is two-sided.
    pub critical: f64,
    /// The documented interval.
    pub interval_documented: Interval,
}

/// The mixture sequential probability ratio test with Statsig's parameters (Johari, Koomen, Pekelis and Walsh 2017, KDD,
/// for the test), `V = s1²/n1 + s2²/n2`.
///
/// # Errors
/// Those of [`welch`].
pub fn msprt(control: &Arm, treatment: &Arm, alpha: Alpha) -> Result<Msprt, NoAnswer> {
    let comparison = welch(control, treatment, alpha)?;
    let v = comparison.se * comparison.se;
    let users = control.users() + treatment.users();
    let tau = alpha.z().powi(2) * ((control.variance() + treatment.variance()) / users);
    let critical =
        |alpha: f64| finite(((v + tau) / tau * (-2.0 * alpha.ln() - (v / (v + tau)).ln())).sqrt());
    let documented = critical(alpha.get() / 2.0)?;
    Ok(Msprt {
        tau,
        critical_documented: documented,
        critical: critical(alpha.get())?,
        interval_documented: Interval::around(
            comparison.estimate,
            finite(documented * comparison.se)?,
        ),
    })
}
