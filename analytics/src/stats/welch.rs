//! Welch's test: two means, each with its own variance.

use super::{Alpha, Arm, Comparison, NoAnswer};

/// Welch's two-sample t test (Welch 1947, Biometrika 34:28): `se² = s1²/n1 + s2²/n2`, `t = (m2 - m1) / se`,
/// degrees of freedom after Satterthwaite (1946), interval `d ± t(1 - α/2, df) se`.
///
/// # Errors
/// [`NoAnswer::TooFew`] below two users in an arm, [`NoAnswer::NoVariance`] when neither arm varies (one may), and
/// [`NoAnswer::NotEstimable`] when the numbers leave the range of `f64`.
pub fn welch(control: &Arm, treatment: &Arm, alpha: Alpha) -> Result<Comparison, NoAnswer> {
    control.at_least_two()?;
    treatment.at_least_two()?;
    Comparison::from_parts(
        treatment.mean() - control.mean(),
        (control.variance_of_mean(), control.users() - 1.0),
        (treatment.variance_of_mean(), treatment.users() - 1.0),
        alpha,
    )
}
