//! Exact sums over users, and the means, covariances and shape that follow from them.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::exact::ratio;
use crate::stats::{Arm, NoAnswer, moments::CoMoments};

/// Quantities of a user: the value or numerator, the denominator, and the covariate of each before the exposure.
pub const QUANTITIES: usize = 4;

/// Products of two of them, in the order of [`product_index`].
pub const PRODUCTS: usize = 10;

/// How many units make 1: sums count millionths.
pub const UNITS: i64 = 1_000_000;

/// Sums over users of four quantities, in exact units of 1e-6 (products 1e-12, cubes 1e-18):
///
/// | index | what |
/// |---|---|
/// | 0 | the value, or the numerator of a ratio; what happened or not is 1 or 0 |
/// | 1 | the denominator of a ratio, else 0 |
/// | 2 | quantity 0 in the days before the first exposure; 0 without a covariate |
/// | 3 | quantity 1 in the days before the first exposure |
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Sums {
    /// Users who count, those with nothing included.
    pub users: u64,
    /// Σ of each quantity.
    pub sums: [BigInt; QUANTITIES],
    /// Σ of products of two quantities.
    pub products: [BigInt; PRODUCTS],
    /// Σx³ of quantity 0.
    pub third: BigInt,
    /// Σ|x| of quantity 0.
    pub absolute: BigInt,
    /// max|x| of quantity 0.
    pub largest: BigInt,
}

/// Where the product of two quantities lies in [`Sums::products`]: 00 01 02 03 11 12 13 22 23 33.
#[must_use]
pub const fn product_index(of: usize, with: usize) -> usize {
    let (low, high) = if of < with { (of, with) } else { (with, of) };
    low * (2 * QUANTITIES - low - 1) / 2 + high
}

impl Sums {
    /// Mean of a quantity over users; 0 without users.
    #[must_use]
    pub fn mean(&self, of: usize) -> f64 {
        ratio(&self.sums[of], &(BigInt::from(self.users) * UNITS))
    }

    /// Sample covariance of two quantities (of one with itself: its variance), computed exactly and rounded once:
    /// `(n Σab - Σa Σb) / n(n-1)`. Below two users there is none, and it is 0.
    #[must_use]
    pub fn covariance(&self, of: usize, with: usize) -> f64 {
        if self.users < 2 {
            return 0.0;
        }
        let users = BigInt::from(self.users);
        let numerator =
            &users * &self.products[product_index(of, with)] - &self.sums[of] * &self.sums[with];
        ratio(&numerator, &(&users * (&users - 1) * UNITS * UNITS))
    }

    /// Skewness of quantity 0, `g1 = m3 / m2^(3/2)` (Joanes and Gill 1998, The Statistician 47:183), its moments
    /// exact.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below three users, [`NoAnswer::NoVariance`] when they all have the same.
    pub fn skewness(&self) -> Result<f64, NoAnswer> {
        if self.users < 3 {
            return Err(NoAnswer::TooFew);
        }
        let n = BigInt::from(self.users);
        let [sum, square] = [&self.sums[0], &self.products[0]];
        let second = &n * square - sum * sum;
        let third: BigInt = &n * &n * &self.third - 3 * &n * sum * square + 2 * sum * sum * sum;
        let variance = ratio(&second, &(&n * &n * UNITS * UNITS));
        if variance <= 0.0 {
            return Err(NoAnswer::NoVariance);
        }
        let cube = ratio(&third, &(&n * &n * &n * UNITS * UNITS * UNITS));
        Ok(cube / variance / variance.sqrt())
    }

    /// The largest absolute value of quantity 0 as a share of the sum of them all; 0 if there is none.
    #[must_use]
    pub fn largest_share(&self) -> f64 {
        ratio(&self.largest, &self.absolute)
    }

    /// Means and covariances as the statistics take them.
    ///
    /// # Errors
    /// When they leave the range of `f64`.
    pub fn co_moments(&self) -> Result<CoMoments<QUANTITIES>, NoAnswer> {
        let index = std::array::from_fn::<usize, QUANTITIES, _>(|i| i);
        CoMoments::from_summary(
            self.users,
            index.map(|i| self.mean(i)),
            index.map(|i| index.map(|j| self.covariance(i, j))),
        )
    }

    /// Quantity 0 as an arm.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] below two users.
    pub fn arm(&self) -> Result<Arm, NoAnswer> {
        if self.users < 2 {
            return Err(NoAnswer::TooFew);
        }
        Arm::new(self.users, self.mean(0), self.covariance(0, 0))
    }

    /// How many users have it, of a metric that is 0 or 1.
    #[must_use]
    pub fn successes(&self) -> u64 {
        u64::try_from(&self.sums[0] / UNITS).unwrap_or(0)
    }

    /// Adds the users of another one, exactly.
    pub fn merge(&mut self, other: &Self) {
        self.users += other.users;
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
        self.products.iter_mut().zip(&other.products).for_each(|(a, b)| *a += b);
        self.third += &other.third;
        self.absolute += &other.absolute;
        self.largest = std::mem::take(&mut self.largest).max(other.largest.clone());
    }

    /// Adds one user, by units.
    pub fn push(&mut self, units: [i128; QUANTITIES]) {
        let units = units.map(BigInt::from);
        self.users += 1;
        for i in 0..QUANTITIES {
            self.sums[i] += &units[i];
            for j in i..QUANTITIES {
                self.products[product_index(i, j)] += &units[i] * &units[j];
            }
        }
        let size = BigInt::from(units[0].magnitude().clone());
        self.third += &units[0] * &units[0] * &units[0];
        self.absolute += &size;
        self.largest = std::mem::take(&mut self.largest).max(size);
    }
}

/// Sums as they are written: integers as decimal texts, because most readers of JSON would round them.
#[derive(Serialize, Deserialize)]
struct Written {
    users: u64,
    sums: Vec<String>,
    products: Vec<String>,
    third: String,
    absolute: String,
    largest: String,
}

/// Sums that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sums must be four sums, ten products and three more, all of them integers")]
pub struct MalformedSums;

impl From<Sums> for Written {
    fn from(sums: Sums) -> Self {
        Self {
            users: sums.users,
            sums: sums.sums.iter().map(ToString::to_string).collect(),
            products: sums.products.iter().map(ToString::to_string).collect(),
            third: sums.third.to_string(),
            absolute: sums.absolute.to_string(),
            largest: sums.largest.to_string(),
        }
    }
}

impl TryFrom<Written> for Sums {
    type Error = MalformedSums;

    fn try_from(written: Written) -> Result<Self, MalformedSums> {
        let number = |text: &String| text.parse::<BigInt>().map_err(|_| MalformedSums);
        let numbers = |texts: &[String]| texts.iter().map(number).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            users: written.users,
            sums: numbers(&written.sums)?.try_into().map_err(|_| MalformedSums)?,
            products: numbers(&written.products)?.try_into().map_err(|_| MalformedSums)?,
            third: number(&written.third)?,
            absolute: number(&written.absolute)?,
            largest: number(&written.largest)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::moments::Moments;

    fn of(users: &[[i128; QUANTITIES]]) -> Sums {
        let mut sums = Sums::default();
        users.iter().for_each(|&user| sums.push(user));
        sums
    }

    #[test]
    fn they_say_what_the_moments_say() {
        let users: Vec<[i128; 4]> = (0..50)
            .map(|i: i128| [i * i * 1_700_000 - 9, 1_000_000 * (i % 3), -i, 7 * i % 5])
            .collect();
        let sums = of(&users);
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let floats = users.iter().map(|user| user.map(|units| units as f64 / 1e6));
        let moments: CoMoments<4> = floats.clone().collect();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (a.abs() + b.abs());
        for i in 0..4 {
            assert!(close(sums.mean(i), moments.mean(i)));
            for j in 0..4 {
                assert!(close(sums.covariance(i, j), moments.covariance(i, j)), "{i} {j}");
            }
        }
        let single: Moments = floats.map(|user| user[0]).collect();
        assert!(close(sums.skewness().unwrap(), single.skewness().unwrap()));
        assert!(close(sums.largest_share(), single.largest_share()));
        assert_eq!(sums.arm().unwrap().n(), 50);
        assert!(close(sums.co_moments().unwrap().covariance(0, 3), moments.covariance(0, 3)));
    }

    #[test]
    fn nothing_cancels_at_a_large_offset() {
        let offset = 1_000_000_000_000_000;
        let sums = of(&[-1, 0, 1].map(|x| [offset + x * 1_000_000, 0, 0, 0]));
        assert_eq!(sums.mean(0).to_bits(), 1e9_f64.to_bits());
        assert_eq!(sums.covariance(0, 0).to_bits(), 1_f64.to_bits());
        assert_eq!(sums.skewness().unwrap().to_bits(), 0_f64.to_bits());
    }

    #[test]
    fn they_merge_and_can_be_written() {
        let users: Vec<[i128; 4]> = (0..20).map(|i: i128| [i - 10, i, 2 * i, 3]).collect();
        let mut merged = of(&users[..7]);
        merged.merge(&of(&users[7..]));
        assert_eq!(merged, of(&users));
        let text = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), merged);
        assert!(
            serde_json::from_str::<Sums>(&text.replace("\"third\":\"", "\"third\":\"x")).is_err()
        );
        assert_eq!(of(&[[1_000_000, 0, 0, 0], [0; 4]]).successes(), 1);
        assert_eq!(of(&[[1; 4]]).arm(), Err(NoAnswer::TooFew));
    }
}
