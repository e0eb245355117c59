//! One estimate per metric and variation, from which everything that is said about them follows: p-value, interval,
//! lift and verdict cannot contradict each other when there is only one difference and one standard error.
//!
//! Means, counts and shares are compared by Welch's test, ratios by the delta method, quantiles with their clustered
//! variance. Where the time before the exposure says something, CUPED takes it out, with the slope within arms.

use crate::figures::{ArmFigures, Sums};
use crate::plan::{Metric, MetricKind};
use crate::report::answer::Missing;
use crate::stats::cuped::{self, Cuped, RatioUnits, SmallSample, Theta};
use crate::stats::lift::Relative;
use crate::stats::moments::CoMoments;
use crate::stats::sequential::always_valid::{BURN_IN_CONVERSIONS, BURN_IN_USERS};
use crate::stats::welch::welch;
use crate::stats::{Alpha, Arm, Comparison, NoAnswer, Proportion, ratio};

/// An arm of a metric, ready to be compared.
#[derive(Debug, Clone)]
pub(super) enum Sample {
    /// Covariate and value of a user.
    Mean(CoMoments<2>),
    /// Numerator and denominator of a user, and the same before the exposure.
    Ratio(Box<RatioUnits>),
    /// A quantile, as the mean of an arm with its variance.
    Quantile(Arm),
    /// Nothing to compare.
    Nothing(Missing),
}

impl Sample {
    /// Only what the metric's kind takes is computed from the exact sums: there may be thousands of them.
    pub(super) fn of(metric: &Metric, figures: Option<&ArmFigures>) -> Self {
        let found = match figures {
            Some(ArmFigures::Sums(sums)) => match metric.kind {
                MetricKind::Ratio { .. } => sums.co_moments().map(|all| Self::Ratio(Box::new(all))),
                _ => pair(metric, sums).map(Self::Mean),
            },
            Some(ArmFigures::Quantile(quantile)) => quantile
                .clustered()
                .and_then(|found| found.as_arm(quantile.users))
                .map(Self::Quantile),
            Some(ArmFigures::Nothing) | None => return Self::Nothing(Missing::NoData),
        };
        found.unwrap_or_else(|reason| Self::Nothing(reason.into()))
    }

    /// The value and the variance one user contributes, before any adjustment.
    pub(super) fn arm(&self) -> Result<Arm, Missing> {
        match self {
            Self::Mean(pair) => Ok(pair.arm(cuped::METRIC)?),
            Self::Ratio(units) => {
                let found = ratio::ratio(units)?;
                Ok(Arm::new(units.n(), found.value, found.unit_variance)?)
            }
            Self::Quantile(arm) => Ok(*arm),
            Self::Nothing(missing) => Err(*missing),
        }
    }
}

/// Covariate and value, in the order of [`cuped`]; a metric without a covariate has one that does not vary.
fn pair(metric: &Metric, sums: &Sums) -> Result<CoMoments<2>, NoAnswer> {
    let (mean, variance) = (sums.mean(0), sums.covariance(0, 0));
    if metric.covariate_days == 0 {
        return CoMoments::from_summary(sums.users, [0.0, mean], [[0.0, 0.0], [0.0, variance]]);
    }
    let across = sums.covariance(2, 0);
    CoMoments::from_summary(
        sums.users,
        [sums.mean(2), mean],
        [[sums.covariance(2, 2), across], [across, variance]],
    )
}

/// What a variation does to a metric.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    /// Treatment minus control, with its standard error and degrees of freedom.
    pub(super) difference: Comparison,
    /// The difference with the baseline it is relative to.
    pub(super) relative: Relative,
    /// The arms whose difference it is; under CUPED the adjusted ones.
    pub(super) arms: [Arm; 2],
    /// What CUPED did.
    pub(super) cuped: Option<Cuped>,
    /// Whether there are enough data for the normal approximation.
    pub(super) burn_in: Result<(), Missing>,
}

impl Effect {
    /// Compares a treatment with the control.
    pub(super) fn of(
        metric: &Metric,
        control: &Sample,
        treatment: &Sample,
        alpha: Alpha,
    ) -> Result<Self, Missing> {
        let arms = [control.arm()?, treatment.arm()?];
        let burn_in = burn_in(metric, &arms);
        if let Some((pair, cuped)) = adjusted(metric, control, treatment, alpha) {
            return Self::adjusted(&pair, cuped, burn_in);
        }
        let difference = welch(&arms[0], &arms[1], alpha)?;
        let relative = Relative::of_arms(&arms[0], &arms[1]);
        Ok(Self { difference, relative, arms, cuped: None, burn_in })
    }

    fn adjusted(
        pair: &[CoMoments<2>; 2],
        cuped: Cuped,
        burn_in: Result<(), Missing>,
    ) -> Result<Self, Missing> {
        let difference = cuped.comparison;
        let control = &pair[0];
        let metric = control.covariance(cuped::METRIC, cuped::METRIC);
        let product = control.covariance(cuped::COVARIATE, cuped::METRIC);
        let variance = difference.se * difference.se;
        // The baseline is the mean as it was seen; its covariance with the difference is that of `cuped`'s lift.
        let relative = Relative {
            difference: difference.estimate,
            baseline: control.mean(cuped::METRIC),
            variance,
            baseline_variance: metric / control.users(),
            covariance: -(metric - cuped.theta[0] * product) / control.users(),
        };
        // The variances grow alike by what the small-sample correction adds to the error of the difference.
        let plain = cuped.variance[0] / pair[0].users() + cuped.variance[1] / pair[1].users();
        let growth = if plain > 0.0 { variance / plain } else { 1.0 };
        let arm = |i: usize| Arm::new(pair[i].n(), cuped.mean[i], cuped.variance[i] * growth);
        Ok(Self { difference, relative, arms: [arm(0)?, arm(1)?], cuped: Some(cuped), burn_in })
    }

    /// Users of both arms.
    pub(super) fn users(&self) -> f64 {
        self.arms[0].users() + self.arms[1].users()
    }

    /// The lift.
    pub(super) fn lift(&self) -> Result<f64, Missing> {
        Ok(self.relative.lift()?)
    }
}

/// CUPED, where the covariate varies and leaves something to compare.
fn adjusted(
    metric: &Metric,
    control: &Sample,
    treatment: &Sample,
    alpha: Alpha,
) -> Option<([CoMoments<2>; 2], Cuped)> {
    if metric.covariate_days == 0 {
        return None;
    }
    let pair = match (control, treatment) {
        (Sample::Mean(control), Sample::Mean(treatment)) => [*control, *treatment],
        (Sample::Ratio(control), Sample::Ratio(treatment)) => {
            [cuped::linearise(control).ok()?, cuped::linearise(treatment).ok()?]
        }
        _ => return None,
    };
    let varies = |arm: &CoMoments<2>| arm.covariance(cuped::COVARIATE, cuped::COVARIATE) > 0.0;
    if !pair.iter().all(varies) {
        return None;
    }
    let (theta, small) = (Theta::WithinArms, SmallSample::Corrected);
    let found = cuped::cuped(&pair[0], &pair[1], theta, small, alpha).ok()?;
    Some((pair, found))
}

/// Whether a metric is 0 or 1 for a user.
pub(super) const fn is_share(metric: &Metric) -> bool {
    matches!(
        metric.kind,
        MetricKind::Binomial { .. } | MetricKind::Retention { .. } | MetricKind::Funnel { .. }
    )
}

/// Users and conversions of an arm, of a metric that is 0 or 1.
pub(super) fn proportion(figures: Option<&ArmFigures>) -> Result<Proportion, Missing> {
    let sums = figures.and_then(ArmFigures::sums).ok_or(Missing::NoData)?;
    Ok(Proportion::new(sums.successes(), sums.users)?)
}

/// A hundred users an arm; of a share also twenty conversions and twenty users without one, as expected without an
/// effect: an arm without a single error must not keep a guardrail from seeing the errors of the other one.
fn burn_in(metric: &Metric, arms: &[Arm; 2]) -> Result<(), Missing> {
    let users = BURN_IN_USERS;
    let conversions = if is_share(metric) { BURN_IN_CONVERSIONS } else { 0 };
    let missing = Missing::BurnIn { users, conversions };
    let total = arms[0].users() + arms[1].users();
    let rate = (arms[0].mean() * arms[0].users() + arms[1].mean() * arms[1].users()) / total;
    #[allow(clippy::cast_precision_loss, reason = "twenty")]
    let wanted = conversions as f64;
    let enough = arms.iter().all(|arm| {
        let cells = [rate * arm.users(), (1.0 - rate) * arm.users()];
        arm.n() >= users && (conversions == 0 || cells.iter().all(|cell| *cell >= wanted))
    });
    if enough { Ok(()) } else { Err(missing) }
}
