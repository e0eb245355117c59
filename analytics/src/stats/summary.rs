//! What the tests take and give: arms, proportions, levels; comparisons and intervals.

use serde::Serialize;

use super::no_answer::{NoAnswer, finite, require};
use super::special::{normal_isf, student_isf, student_sf};
use super::tail::Tail;

/// The largest number of users: every count up to it is exact as `f64`.
pub(crate) const MAX_COUNT: u64 = 1 << 53;

/// A level of error, strictly between 0 and 1, two-sided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Alpha(f64);

impl Alpha {
    /// 5 %.
    pub const FIVE_PERCENT: Self = Self(0.05);

    /// A level.
    ///
    /// # Errors
    /// Outside of 1e-300 to 1, exclusive.
    pub fn new(alpha: f64) -> Result<Self, NoAnswer> {
        require(alpha > 1e-300 && alpha < 1.0, "alpha must lie between 0 and 1")?;
        Ok(Self(alpha))
    }

    /// The level.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The normal quantile with half of alpha above it.
    #[must_use]
    pub fn z(self) -> f64 {
        normal_isf(self.0 / 2.0)
    }

    /// The quantile of Student's t with half of alpha above it.
    #[must_use]
    pub fn t(self, df: f64) -> f64 {
        student_isf(self.0 / 2.0, df)
    }
}

/// One arm of a metric: users, mean and sample variance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Arm {
    n: u64,
    mean: f64,
    variance: f64,
}

impl Arm {
    /// An arm.
    ///
    /// # Errors
    /// When the mean or the variance is not finite, the variance negative, or `n` above 2^53.
    pub fn new(n: u64, mean: f64, variance: f64) -> Result<Self, NoAnswer> {
        require(n <= MAX_COUNT, "there must be at most 2^53 units")?;
        require(mean.is_finite(), "the mean must be finite")?;
        require(
            variance.is_finite() && variance >= 0.0,
            "the variance must be finite, not negative",
        )?;
        Ok(Self { n, mean, variance })
    }

    /// Users.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Users as a number to compute with.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "at most 2^53, see `new`")]
    pub const fn users(&self) -> f64 {
        self.n as f64
    }

    /// Mean.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// Sample variance.
    #[must_use]
    pub const fn variance(&self) -> f64 {
        self.variance
    }

    /// Variance of the mean.
    #[must_use]
    pub fn variance_of_mean(&self) -> f64 {
        self.variance / self.users()
    }

    /// The same arm with every value multiplied.
    pub(crate) fn scaled(&self, factor: f64) -> Result<Self, NoAnswer> {
        Ok(Self {
            n: self.n,
            mean: finite(self.mean * factor)?,
            variance: finite(self.variance * factor * factor)?,
        })
    }

    pub(crate) fn at_least_two(&self) -> Result<(), NoAnswer> {
        if self.n < 2 { Err(NoAnswer::TooFew) } else { Ok(()) }
    }
}

/// One arm of a binary metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Proportion {
    successes: u64,
    n: u64,
}

impl Proportion {
    /// `successes` out of `n`.
    ///
    /// # Errors
    /// When there are more successes than units, or more than 2^53 units.
    pub fn new(successes: u64, n: u64) -> Result<Self, NoAnswer> {
        require(n <= MAX_COUNT, "there must be at most 2^53 units")?;
        require(successes <= n, "there must be at most as many conversions as units")?;
        Ok(Self { successes, n })
    }

    /// How many converted.
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }

    /// How many there are.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    #[allow(clippy::cast_precision_loss, reason = "at most 2^53, see `new`")]
    pub(crate) const fn numbers(&self) -> (f64, f64) {
        (self.successes as f64, self.n as f64)
    }

    /// The rate.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] without units.
    pub fn rate(&self) -> Result<f64, NoAnswer> {
        let (successes, n) = self.numbers();
        if self.n == 0 { Err(NoAnswer::TooFew) } else { Ok(successes / n) }
    }

    /// The same as an [`Arm`] of zeros and ones: variance `p (1 - p) n / (n - 1)`.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below two units.
    pub fn as_arm(&self) -> Result<Arm, NoAnswer> {
        let (successes, n) = self.numbers();
        if self.n < 2 {
            return Err(NoAnswer::TooFew);
        }
        Arm::new(self.n, successes / n, successes / n * ((n - successes) / (n - 1.0)))
    }
}

/// An interval, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// `center` plus and minus `half`.
    #[must_use]
    pub fn around(center: f64, half: f64) -> Self {
        Self { lower: center - half, upper: center + half }
    }

    /// Whether `value` lies inside.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }
}

/// A difference between two arms, with everything derived from one statistic, so that p-value, interval and verdict
/// cannot contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Treatment minus control.
    pub estimate: f64,
    /// Its standard error.
    pub se: f64,
    /// Estimate over standard error.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Two-sided p-value.
    pub p: Tail,
    /// The interval at 1 - alpha.
    pub interval: Interval,
}

impl Comparison {
    /// From an estimate and the variances of its two independent parts, each with its degrees of freedom:
    /// `se² = v1 + v2`, `df = se⁴ / (v1²/df1 + v2²/df2)` (Satterthwaite 1946, Biometrics Bulletin 2:110).
    pub(crate) fn from_parts(
        estimate: f64,
        control: (f64, f64),
        treatment: (f64, f64),
        alpha: Alpha,
    ) -> Result<Self, NoAnswer> {
        let ((v1, df1), (v2, df2)) = (control, treatment);
        let variance = finite(v1 + v2)?;
        if variance <= 0.0 {
            return Err(NoAnswer::NoVariance);
        }
        // Shares instead of fourth powers, which would leave the range of f64 first.
        let (w1, w2) = (v1 / variance, v2 / variance);
        let df = finite(1.0 / (w1 * w1 / df1 + w2 * w2 / df2))?;
        let se = variance.sqrt();
        let statistic = finite(finite(estimate)? / se)?;
        let half = finite(alpha.t(df) * se)?;
        Ok(Self {
            estimate,
            se,
            statistic,
            df,
            p: student_sf(statistic.abs(), df)?.two_sided(),
            interval: Interval::around(estimate, half),
        })
    }
}
