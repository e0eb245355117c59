//! CUPED: what a covariate from before the experiment explains is taken out of the metric (Deng, Xu, Kohavi and
//! Walker 2013, WSDM).

use serde::Serialize;

use super::lift::{LiftSet, Relative};
use super::moments::CoMoments;
use super::no_answer::{NoAnswer, finite};
use super::ratio::of_pair;
use super::{Alpha, Comparison, welch::welch};

/// The covariate, the first quantity of a user.
pub const COVARIATE: usize = 0;
/// The metric, the second one.
pub const METRIC: usize = 1;

/// Where theta, the slope of the metric on the covariate, comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Theta {
    /// Pooled within arms, `[(n1-1) c1 + (n2-1) c2] / [(n1-1) vx1 + (n2-1) vx2]`: the slope of an analysis of
    /// covariance, which the effect does not touch.
    #[default]
    WithinArms,
    /// From all users as one sample, which the effect contaminates; as gbstats and tea-tasting do.
    AllUsers,
    /// One per arm (Lin 2013, Annals of Applied Statistics 7:295).
    PerArm,
}

/// What is paid for estimating theta.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmallSample {
    /// One degree of freedom: the variances grow by `(N - 2)/(N - 3)`, each arm's degrees shrink by one, and the error of
    /// a common slope counts as far as the arms differ in the covariate (Cochran 1957, Biometrics 13:261). Without it ten
    /// users an arm reject 6.3 % at 5 %.
    #[default]
    Corrected,
    /// Nothing, as published engines do.
    Plain,
}

/// A comparison with the covariate taken out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cuped {
    /// The slope of each arm. Zero when the covariate does not vary, which leaves the metric as it is.
    pub theta: [f64; 2],
    /// The adjusted means, centred at the mean covariate of all users.
    pub mean: [f64; 2],
    /// The adjusted variances, `s_y² + θ² s_x² - 2 θ s_xy`.
    pub variance: [f64; 2],
    /// The test.
    pub comparison: Comparison,
    /// The same without the covariate.
    pub unadjusted: Comparison,
    /// Variance with over variance without; 0.3 means 70 % less.
    pub variance_ratio: f64,
    /// The lift over the unadjusted control mean; `None` when that is zero.
    pub lift: Option<CupedLift>,
}

/// The lift of an adjusted difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CupedLift {
    /// Adjusted difference over the absolute value of the unadjusted control mean.
    pub estimate: f64,
    /// Standard error by the delta method, with the covariance of the adjusted and the unadjusted mean.
    pub delta_se: f64,
    /// Fieller's set, which agrees with the test.
    pub fieller: LiftSet,
}

/// Compares two arms of (covariate, metric).
///
/// # Errors
/// [`NoAnswer::TooFew`] below two users an arm (below four in all when corrected), [`NoAnswer::NoVariance`] when the
/// metric does not vary or the covariate explains all of it.
pub fn cuped(
    control: &CoMoments<2>,
    treatment: &CoMoments<2>,
    theta: Theta,
    small: SmallSample,
    alpha: Alpha,
) -> Result<Cuped, NoAnswer> {
    let unadjusted = welch(&control.arm(METRIC)?, &treatment.arm(METRIC)?, alpha)?;
    let mut all = *control;
    all.merge(treatment);
    let thetas = slopes(control, treatment, &all, theta)?;
    let (n1, n2) = (control.users(), treatment.users());
    let (inflation, spent) = match small {
        SmallSample::Corrected if n1 + n2 <= 3.0 || n1.min(n2) < 3.0 => {
            return Err(NoAnswer::TooFew);
        }
        SmallSample::Corrected => ((n1 + n2 - 2.0) / (n1 + n2 - 3.0), 1.0),
        SmallSample::Plain => (1.0, 0.0),
    };
    let parts = [adjust(control, thetas[0])?, adjust(treatment, thetas[1])?];
    let center = all.mean(COVARIATE);
    let mean = [(control, thetas[0]), (treatment, thetas[1])]
        .map(|(arm, theta)| arm.mean(METRIC) - theta * (arm.mean(COVARIATE) - center));
    // The common centre moves both means alike unless the slopes differ; then it is one more thing that varies.
    let slope = match (theta, small) {
        (Theta::WithinArms, SmallSample::Corrected) => slope_error(control, treatment, parts),
        _ => 0.0,
    };
    let between =
        slope + (thetas[1] - thetas[0]).powi(2) * all.covariance(COVARIATE, COVARIATE) / (n1 + n2);
    let v1 = parts[0] * inflation / n1 + between * (n2 / (n1 + n2));
    let v2 = parts[1] * inflation / n2 + between * (n1 / (n1 + n2));
    // Differences first: the means may be large and close.
    let estimate = (treatment.mean(METRIC) - control.mean(METRIC))
        - (thetas[1] * (treatment.mean(COVARIATE) - center)
            - thetas[0] * (control.mean(COVARIATE) - center));
    let comparison =
        Comparison::from_parts(estimate, (v1, n1 - 1.0 - spent), (v2, n2 - 1.0 - spent), alpha)?;
    Ok(Cuped {
        theta: thetas,
        mean: [finite(mean[0])?, finite(mean[1])?],
        variance: parts,
        variance_ratio: (comparison.se / unadjusted.se).powi(2),
        lift: relative_lift(control, treatment, thetas, &comparison, alpha),
        comparison,
        unadjusted,
    })
}

fn slopes(
    control: &CoMoments<2>,
    treatment: &CoMoments<2>,
    all: &CoMoments<2>,
    theta: Theta,
) -> Result<[f64; 2], NoAnswer> {
    let slope = |products: f64, squares: f64| {
        // A covariate that does not vary explains nothing.
        if squares <= 0.0 { Ok(0.0) } else { finite(products / squares) }
    };
    let of =
        |arm: &CoMoments<2>| (arm.product(COVARIATE, METRIC), arm.product(COVARIATE, COVARIATE));
    let (first, second) = (of(control), of(treatment));
    Ok(match theta {
        Theta::WithinArms => [slope(first.0 + second.0, first.1 + second.1)?; 2],
        Theta::AllUsers => [slope(of(all).0, of(all).1)?; 2],
        Theta::PerArm => [slope(first.0, first.1)?, slope(second.0, second.1)?],
    })
}

/// The variance of the common slope times the squared difference of the mean covariates.
fn slope_error(control: &CoMoments<2>, treatment: &CoMoments<2>, variance: [f64; 2]) -> f64 {
    let squares = control.product(COVARIATE, COVARIATE) + treatment.product(COVARIATE, COVARIATE);
    if squares <= 0.0 {
        return 0.0;
    }
    let (n1, n2) = (control.users(), treatment.users());
    let residual = ((n1 - 1.0) * variance[0] + (n2 - 1.0) * variance[1]) / (n1 + n2 - 3.0);
    (treatment.mean(COVARIATE) - control.mean(COVARIATE)).powi(2) / squares * residual
}

fn adjust(arm: &CoMoments<2>, theta: f64) -> Result<f64, NoAnswer> {
    let metric = arm.covariance(METRIC, METRIC);
    let covariate = theta * theta * arm.covariance(COVARIATE, COVARIATE);
    let variance = metric + covariate - 2.0 * theta * arm.covariance(COVARIATE, METRIC);
    // What rounding leaves of a metric that the covariate explains entirely is no variance.
    finite(if variance <= 1e-13 * (metric + covariate) { 0.0 } else { variance })
}

/// The delta variance of the lift is `(s_y2² + θ² s_x2² - 2θ c2)/(n2 m1²)` plus
/// `(s_y1² (m2/m1)² - 2θ c1 m2/m1 + θ² s_x1²)/(n1 m1²)`, with the means before adjustment: the adjusted difference and
/// the unadjusted baseline covary by `-(s_y1² - θ c1)/n1`.
fn relative_lift(
    control: &CoMoments<2>,
    treatment: &CoMoments<2>,
    theta: [f64; 2],
    comparison: &Comparison,
    alpha: Alpha,
) -> Option<CupedLift> {
    let (n1, n2) = (control.users(), treatment.users());
    let baseline = control.mean(METRIC);
    let metric = control.covariance(METRIC, METRIC);
    let product = control.covariance(COVARIATE, METRIC);
    let relative = Relative {
        difference: comparison.estimate,
        baseline,
        variance: comparison.se * comparison.se,
        baseline_variance: metric / n1,
        covariance: -(metric - theta[0] * product) / n1,
    };
    let estimate = relative.lift().ok()?;
    let ratio = treatment.mean(METRIC) / baseline;
    let covariate = control.covariance(COVARIATE, COVARIATE);
    let first =
        metric * ratio * ratio - 2.0 * theta[0] * product * ratio + theta[0] * theta[0] * covariate;
    let variance = adjust(treatment, theta[1]).ok()? / n2 + first / n1;
    Some(CupedLift {
        estimate,
        delta_se: finite(variance.max(0.0).sqrt() / baseline.abs()).ok()?,
        fieller: relative.fieller(alpha.t(comparison.df)).ok()?,
    })
}

/// Quantities of a user for a ratio metric with a ratio covariate: numerator and denominator of the metric, then of
/// the covariate.
pub type RatioUnits = CoMoments<4>;

/// CUPED for a ratio metric: metric and covariate are linearised, `(M - R D)/D̄` with the ratio of each arm (Deng,
/// Knoblich and Lu 2018), and then adjusted like a mean. The estimate is the difference of ratios less the slope times
/// the difference of covariate ratios.
///
/// # Errors
/// Those of [`cuped`], and [`NoAnswer::NotEstimable`] when denominators sum to zero.
pub fn cuped_ratio(
    control: &RatioUnits,
    treatment: &RatioUnits,
    theta: Theta,
    small: SmallSample,
    alpha: Alpha,
) -> Result<Cuped, NoAnswer> {
    cuped(&linearise(control)?, &linearise(treatment)?, theta, small, alpha)
}

/// The ratio and its covariate as means of one unit each, (covariate, metric).
///
/// # Errors
/// Those of [`cuped_ratio`].
pub(crate) fn linearise(arm: &RatioUnits) -> Result<CoMoments<2>, NoAnswer> {
    if arm.n() < 2 {
        return Err(NoAnswer::TooFew);
    }
    let (metric, covariate) = (of_pair(arm, 0, 1)?, of_pair(arm, 2, 3)?);
    let (r, q) = (metric.value, covariate.value);
    let product = arm.covariance(0, 2) - q * arm.covariance(0, 3) - r * arm.covariance(1, 2)
        + r * q * arm.covariance(1, 3);
    let bound = (metric.unit_variance * covariate.unit_variance).sqrt();
    let covariance = finite(product / arm.mean(1) / arm.mean(3))?.clamp(-bound, bound);
    CoMoments::from_summary(
        arm.n(),
        [q, r],
        [[covariate.unit_variance, covariance], [covariance, metric.unit_variance]],
    )
}
