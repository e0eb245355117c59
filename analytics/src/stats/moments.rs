//! Means, variances and covariances that hold their digits at any offset, and merge.
//!
//! Values are taken relative to the first one, so that a mean of 1e12 with a variance of 1 comes out right, updated
//! after Welford (1962, Technometrics 4:419) and merged after Chan, Golub and LeVeque (1983, The American Statistician
//! 37:242), third moments after Pébay (2008, SAND2008-6212).

use super::no_answer::{NoAnswer, finite, require};
use super::summary::{Arm, MAX_COUNT};

/// Count, mean, second and third central moment of one quantity, and its largest share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    n: u64,
    shift: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    largest: f64,
    total: f64,
}

impl Moments {
    /// Adds one value.
    pub fn push(&mut self, value: f64) {
        if self.n == 0 {
            self.shift = value;
        }
        let before = count(self.n);
        self.n += 1;
        let n = count(self.n);
        let delta = (value - self.shift) - self.mean;
        let share = delta / n;
        let term = delta * share * before;
        self.mean += share;
        self.m3 += term * share * (n - 2.0) - 3.0 * share * self.m2;
        self.m2 += term;
        self.largest = self.largest.max(value.abs());
        self.total += value.abs();
    }

    /// Adds what another one has seen, as if its values had been pushed here.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (count(self.n), count(other.n));
        let n = a + b;
        let delta = (other.shift - self.shift) + (other.mean - self.mean);
        let share = delta / n;
        self.m3 += other.m3
            + delta * share * share * a * b * (a - b)
            + 3.0 * share * (a * other.m2 - b * self.m2);
        self.m2 += other.m2 + delta * share * a * b;
        self.mean += share * b;
        self.n += other.n;
        self.largest = self.largest.max(other.largest);
        self.total += other.total;
    }

    /// How many values.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.shift + self.mean
    }

    /// As an arm: mean and sample variance.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below two values, [`NoAnswer::NotEstimable`] when a value was not finite.
    pub fn arm(&self) -> Result<Arm, NoAnswer> {
        if self.n < 2 {
            return Err(NoAnswer::TooFew);
        }
        Arm::new(self.n, finite(self.mean())?, finite(self.m2.max(0.0) / (count(self.n) - 1.0))?)
    }

    /// Skewness `g1 = √n m3 / m2^(3/2)` (Joanes and Gill 1998, The Statistician 47:183).
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below three values, [`NoAnswer::NoVariance`] when they are all the same.
    pub fn skewness(&self) -> Result<f64, NoAnswer> {
        if self.n < 3 {
            return Err(NoAnswer::TooFew);
        }
        if self.m2 <= 0.0 {
            return Err(NoAnswer::NoVariance);
        }
        finite(count(self.n).sqrt() * (self.m3 / self.m2) / self.m2.sqrt())
    }

    /// The largest absolute value as a share of the sum of them all, 0 without values.
    #[must_use]
    pub fn largest_share(&self) -> f64 {
        if self.total > 0.0 && self.total.is_finite() { self.largest / self.total } else { 0.0 }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

/// Means and covariances of `D` quantities of the same unit: metric and covariate, numerator and denominator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoMoments<const D: usize> {
    n: u64,
    shift: [f64; D],
    mean: [f64; D],
    products: [[f64; D]; D],
}

impl<const D: usize> Default for CoMoments<D> {
    fn default() -> Self {
        Self { n: 0, shift: [0.0; D], mean: [0.0; D], products: [[0.0; D]; D] }
    }
}

impl<const D: usize> CoMoments<D> {
    /// From means and sample covariances, as a database aggregates them.
    ///
    /// # Errors
    /// When a number is not finite, a variance negative, a covariance larger than its variances allow, or `n` above
    /// 2^53.
    pub fn from_summary(
        n: u64,
        mean: [f64; D],
        covariance: [[f64; D]; D],
    ) -> Result<Self, NoAnswer> {
        require(n <= MAX_COUNT, "there must be at most 2^53 units")?;
        require(mean.iter().all(|mean| mean.is_finite()), "the means must be finite")?;
        let mut products = covariance;
        for (i, row) in covariance.iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                require(value.is_finite(), "the covariances must be finite")?;
                require(i != j || value >= 0.0, "the variances must not be negative")?;
                let bound = covariance[i][i].max(0.0).sqrt() * covariance[j][j].max(0.0).sqrt();
                require(
                    value.abs() <= bound * (1.0 + 1e-6),
                    "a covariance must not exceed the product of the standard deviations",
                )?;
                products[i][j] = finite(value * (count(n) - 1.0).max(0.0))?;
            }
        }
        Ok(Self { n, shift: mean, mean: [0.0; D], products })
    }

    /// Adds one unit.
    pub fn push(&mut self, values: [f64; D]) {
        if self.n == 0 {
            self.shift = values;
        }
        self.n += 1;
        let n = count(self.n);
        let mut before = [0.0; D];
        for i in 0..D {
            before[i] = (values[i] - self.shift[i]) - self.mean[i];
            self.mean[i] += before[i] / n;
        }
        for i in 0..D {
            for j in 0..D {
                self.products[i][j] += before[i] * before[j] * ((n - 1.0) / n);
            }
        }
    }

    /// Adds what another one has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (count(self.n), count(other.n));
        let mut delta = [0.0; D];
        for (i, delta) in delta.iter_mut().enumerate() {
            *delta = (other.shift[i] - self.shift[i]) + (other.mean[i] - self.mean[i]);
            self.mean[i] += *delta * (b / (a + b));
        }
        for i in 0..D {
            for j in 0..D {
                self.products[i][j] +=
                    other.products[i][j] + delta[i] * delta[j] * (a / (a + b) * b);
            }
        }
        self.n += other.n;
    }

    /// How many units.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Units as a number to compute with.
    #[must_use]
    pub fn users(&self) -> f64 {
        count(self.n)
    }

    /// Mean of a quantity.
    #[must_use]
    pub fn mean(&self, of: usize) -> f64 {
        self.shift[of] + self.mean[of]
    }

    /// Sample covariance of two quantities; below two units there is none, and it is 0.
    #[must_use]
    pub fn covariance(&self, of: usize, with: usize) -> f64 {
        if self.n < 2 { 0.0 } else { self.products[of][with] / (count(self.n) - 1.0) }
    }

    /// Sum of products about the means.
    pub(crate) const fn product(&self, of: usize, with: usize) -> f64 {
        self.products[of][with]
    }

    /// One quantity as an arm.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below two units, [`NoAnswer::NotEstimable`] when a value was not finite.
    pub fn arm(&self, of: usize) -> Result<Arm, NoAnswer> {
        if self.n < 2 {
            return Err(NoAnswer::TooFew);
        }
        Arm::new(self.n, finite(self.mean(of))?, finite(self.covariance(of, of).max(0.0))?)
    }
}

impl<const D: usize> FromIterator<[f64; D]> for CoMoments<D> {
    fn from_iter<I: IntoIterator<Item = [f64; D]>>(units: I) -> Self {
        let mut moments = Self::default();
        units.into_iter().for_each(|unit| moments.push(unit));
        moments
    }
}

#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 units")]
const fn count(n: u64) -> f64 {
    n as f64
}
