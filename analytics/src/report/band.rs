//! The always-valid band of an effect: it covers at all states at once, so anyone may look at any time.

use super::effect::Effect;
use crate::plan::Analysis;
use crate::stats::sequential::always_valid::{self, Point, Tuning};
use crate::stats::{Alpha, NoAnswer};

/// Tightest at the planned users, or else where other engines have it.
pub(super) fn tuning(analysis: &Analysis, alpha: Alpha) -> Result<Tuning, NoAnswer> {
    #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
    let users = analysis.planned_users.map_or(Tuning::USERS, |users| users as f64);
    Tuning::new(alpha, users.clamp(1.0, 1e15))
}

/// The band now, at the level of its tuning.
pub(super) fn point(effect: &Effect, tuning: Tuning) -> Result<Point, NoAnswer> {
    let difference = &effect.difference;
    always_valid::point(difference.estimate, difference.se, effect.users(), tuning)
}

/// Half of the band's width in standard errors, at another level but with the same mixture, so that it leaves zero out
/// exactly when the p-value is at most that level: `√(2 (Nρ² + 1)/(Nρ²) ln(√(Nρ² + 1)/α))`, as in
/// [`always_valid::point`].
pub(super) fn critical(users: f64, tuning: Tuning, level: Alpha) -> f64 {
    let scaled = users * tuning.rho().powi(2);
    (2.0 * (scaled + 1.0) / scaled * (0.5 * scaled.ln_1p() - level.get().ln())).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_its_own_level_it_is_the_band() {
        let tuning = Tuning::new(Alpha::FIVE_PERCENT, 8000.0).unwrap();
        for users in [200.0, 8000.0, 1e9] {
            let band = always_valid::point(0.0, 1.0, users, tuning).unwrap();
            let half = critical(users, tuning, Alpha::FIVE_PERCENT);
            assert!((band.interval.upper - half).abs() < 1e-12, "{users}");
            // The estimate at the edge of another level has that level as its p-value.
            let level = Alpha::new(0.0125).unwrap();
            let edge = always_valid::point(critical(users, tuning, level), 1.0, users, tuning);
            assert!((edge.unwrap().p.p() - 0.0125).abs() < 1e-12);
        }
    }
}
