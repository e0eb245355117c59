//! Ratio metrics: clicks per view, revenue per order. Users are assigned, so numerator and denominator are sums per
//! user and vary together.

use serde::Serialize;

use super::lift::{LiftSet, Relative};
use super::moments::CoMoments;
use super::no_answer::{NoAnswer, finite};
use super::{Alpha, Comparison};

/// Numerator, the first quantity of a user.
pub const NUMERATOR: usize = 0;
/// Denominator, the second one.
pub const DENOMINATOR: usize = 1;

/// A ratio and the variance one user contributes to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Sum of numerators over sum of denominators.
    pub value: f64,
    /// `v = s_M²/D² + s_D² M²/D⁴ - 2 s_MD M/D³`; the variance of the ratio is `v / n`.
    pub unit_variance: f64,
}

/// The ratio of an arm (Deng, Knoblich and Lu 2018, KDD, "Applying the delta method in metric analytics").
///
/// # Errors
/// [`NoAnswer::TooFew`] below two users, [`NoAnswer::NotEstimable`] when the denominators sum to zero.
pub fn ratio<const D: usize>(arm: &CoMoments<D>) -> Result<Ratio, NoAnswer> {
    const { assert!(D >= 2, "a ratio takes a numerator and a denominator") };
    if arm.n() < 2 {
        return Err(NoAnswer::TooFew);
    }
    of_pair(arm, NUMERATOR, DENOMINATOR)
}

pub(crate) fn of_pair<const D: usize>(
    arm: &CoMoments<D>,
    numerator: usize,
    denominator: usize,
) -> Result<Ratio, NoAnswer> {
    let d = arm.mean(denominator);
    if d == 0.0 {
        return Err(NoAnswer::NotEstimable);
    }
    let value = finite(arm.mean(numerator) / d)?;
    // The variance of M - R D, which does not cancel as the expanded form may.
    let variance = arm.covariance(numerator, numerator)
        - 2.0 * value * arm.covariance(numerator, denominator)
        + value * value * arm.covariance(denominator, denominator);
    // What rounding leaves of a ratio that is the same for every user is no variance.
    let rounding = 1e-14
        * (arm.covariance(numerator, numerator)
            + value * value * arm.covariance(denominator, denominator));
    let variance = if variance <= rounding { 0.0 } else { variance };
    Ok(Ratio { value, unit_variance: finite(variance / d / d)? })
}

/// Two ratios compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatioComparison {
    /// The control's ratio.
    pub control: Ratio,
    /// The treatment's ratio.
    pub treatment: Ratio,
    /// Welch's test of the difference, on the unit variances.
    pub difference: Comparison,
    /// The lift; `None` with a control ratio of zero.
    pub lift: Option<RatioLift>,
}

/// The lift of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatioLift {
    /// Difference over the absolute value of the control's ratio.
    pub estimate: f64,
    /// Standard error by the delta method.
    pub delta_se: f64,
    /// Fieller's set, which agrees with the test of the difference.
    pub fieller: LiftSet,
}

/// Compares two ratios: the delta method gives each arm a unit variance, with which it is a mean like any other.
///
/// # Errors
/// Those of [`ratio`], and [`NoAnswer::NoVariance`] when neither ratio varies.
pub fn compare(
    control: &CoMoments<2>,
    treatment: &CoMoments<2>,
    alpha: Alpha,
) -> Result<RatioComparison, NoAnswer> {
    let (first, second) = (ratio(control)?, ratio(treatment)?);
    let (v1, v2) =
        (first.unit_variance / control.users(), second.unit_variance / treatment.users());
    let difference = Comparison::from_parts(
        second.value - first.value,
        (v1, control.users() - 1.0),
        (v2, treatment.users() - 1.0),
        alpha,
    )?;
    let relative = Relative {
        difference: difference.estimate,
        baseline: first.value,
        variance: v1 + v2,
        baseline_variance: v1,
        covariance: -v1,
    };
    let lift = relative.lift().and_then(|estimate| {
        Ok(RatioLift {
            estimate,
            delta_se: relative.delta_se()?,
            fieller: relative.fieller(alpha.t(difference.df))?,
        })
    });
    Ok(RatioComparison { control: first, treatment: second, difference, lift: lift.ok() })
}
