//! Intervals of conversion rates and of their difference.

use super::{Alpha, Interval, NoAnswer, Proportion};

/// Wilson's score interval of one rate (Wilson 1927, JASA 22:209):
/// `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.
///
/// # Errors
/// [`NoAnswer::TooFew`] without units.
pub fn wilson(arm: &Proportion, alpha: Alpha) -> Result<Interval, NoAnswer> {
    arm.rate()?;
    let (x, n) = arm.numbers();
    let z = alpha.z();
    Ok(Interval { lower: score_bound(x, n, z), upper: 1.0 - score_bound(n - x, n, z) })
}

/// The lower end. The product of both ends is `p² / (1 + z²/n)`, which avoids the difference that cancels for rare
/// conversions.
fn score_bound(x: f64, n: f64, z: f64) -> f64 {
    let p = x / n;
    let root = z * (p * ((n - x) / n) / n + z * z / (4.0 * n * n)).sqrt();
    (p * p / (p + z * z / (2.0 * n) + root)).min(1.0)
}

/// The difference of two rates, treatment minus control, with its intervals.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// Treatment minus control.
    pub estimate: f64,
    /// Newcombe's interval, the one to show.
    pub newcombe: Interval,
    /// Wald's interval, for comparison with other engines; it under-covers for rare conversions.
    pub wald: Interval,
}

/// The difference of two rates. Newcombe (1998, Statistics in Medicine 17:873, method 10): from the Wilson ends `l`, `u`
/// of each arm, `d - √((p2 - l2)² + (u1 - p1)²)` to `d + √((u2 - p2)² + (p1 - l1)²)`.
/// Wald: `d ± z √(p1 q1 / n1 + p2 q2 / n2)`.
///
/// # Errors
/// [`NoAnswer::TooFew`] with an empty arm.
pub fn difference(
    control: &Proportion,
    treatment: &Proportion,
    alpha: Alpha,
) -> Result<Difference, NoAnswer> {
    let (p1, p2) = (control.rate()?, treatment.rate()?);
    let (first, second) = (wilson(control, alpha)?, wilson(treatment, alpha)?);
    let estimate = p2 - p1;
    let variance = |arm: &Proportion, p: f64| {
        let (x, n) = arm.numbers();
        p * ((n - x) / n) / n
    };
    let newcombe = Interval {
        lower: estimate - (p2 - second.lower).hypot(first.upper - p1),
        upper: estimate + (second.upper - p2).hypot(p1 - first.lower),
    };
    let half = alpha.z() * (variance(control, p1) + variance(treatment, p2)).sqrt();
    Ok(Difference { estimate, newcombe, wald: Interval::around(estimate, half) })
}
