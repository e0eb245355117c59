//! The chi-square test of a conversion rate over two or more arms.

use serde::Serialize;

use super::no_answer::{NoAnswer, finite};
use super::special::chi_square_sf;
use super::{Proportion, Tail};

/// Whether Yates's correction is applied. It makes the test reject 2 to 4 % at a level of 5 %, so it is never the
/// default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Yates {
    /// The plain statistic.
    #[default]
    Without,
    /// The corrected one; for two arms only, as with more there is none.
    Corrected,
}

/// A chi-square test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChiSquare {
    /// `X²`.
    pub statistic: f64,
    /// Arms minus one.
    pub df: f64,
    /// P-value.
    pub p: Tail,
    /// Some expected cell is below 5 (Cochran 1954), so that [`super::fisher::exact`] is the better question.
    pub small_cells: bool,
}

/// Pearson's chi-square over a table of 2 by k (Pearson 1900): `X² = Σ (O - E)² / E`, `k - 1` degrees of freedom.
/// For two arms it is the square of the pooled z. Yates (1934): `|O - E|` less the smaller of ½ and itself.
///
/// # Errors
/// [`NoAnswer::TooFew`] with fewer than two arms or an empty one, [`NoAnswer::NoVariance`] when nobody or everybody
/// converted.
pub fn chi_square(arms: &[Proportion], yates: Yates) -> Result<ChiSquare, NoAnswer> {
    if arms.len() < 2 || arms.iter().any(|arm| arm.n() == 0) {
        return Err(NoAnswer::TooFew);
    }
    let (successes, n) = arms
        .iter()
        .map(Proportion::numbers)
        .fold((0.0, 0.0), |sum, arm| (sum.0 + arm.0, sum.1 + arm.1));
    if successes <= 0.0 || successes >= n {
        return Err(NoAnswer::NoVariance);
    }
    let correct = yates == Yates::Corrected && arms.len() == 2;
    let (p, q) = (successes / n, (n - successes) / n);
    let (mut statistic, mut smallest) = (0.0, f64::INFINITY);
    for arm in arms {
        let (x, size) = arm.numbers();
        let (expected, expected_rest) = (size * p, size * q);
        let mut distance = (x - expected).abs();
        if correct {
            distance -= distance.min(0.5);
        }
        // The two cells of an arm are off by the same distance.
        statistic += distance * (distance / expected) + distance * (distance / expected_rest);
        smallest = smallest.min(expected).min(expected_rest);
    }
    #[allow(clippy::cast_precision_loss, reason = "a number of arms")]
    let df = (arms.len() - 1) as f64;
    let statistic = finite(statistic)?;
    Ok(ChiSquare { statistic, df, p: chi_square_sf(statistic, df)?, small_cells: smallest < 5.0 })
}
