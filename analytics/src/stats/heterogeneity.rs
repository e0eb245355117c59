//! Does the effect differ between segments?

use serde::Serialize;

use super::Tail;
use super::no_answer::{NoAnswer, finite, require};
use super::special::chi_square_sf;

/// What segments have in common and how far they are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Heterogeneity {
    /// The effect of all, weighted by `1 / se²`.
    pub pooled: f64,
    /// Cochran's `Q = Σ w (effect - pooled)²`.
    pub q: f64,
    /// Segments minus one.
    pub df: f64,
    /// P-value of "all segments have the same effect".
    pub p: Tail,
    /// The share of the variation that is not chance, `max(0, (Q - df)/Q)`.
    pub i2: f64,
}

/// Cochran's Q over the effects of segments (Cochran 1954, Biometrics 10:101), with `I²` (Higgins and Thompson 2002).
///
/// # Errors
/// [`NoAnswer::TooFew`] below two segments, [`NoAnswer::NoVariance`] when a standard error is zero; invalid when the
/// lists differ in length or a number is not finite.
pub fn cochran_q(effects: &[f64], se: &[f64]) -> Result<Heterogeneity, NoAnswer> {
    require(effects.len() == se.len(), "every effect must have a standard error")?;
    require(effects.iter().all(|effect| effect.is_finite()), "the effects must be finite")?;
    require(
        se.iter().all(|se| se.is_finite() && *se >= 0.0),
        "the standard errors must be finite, not negative",
    )?;
    if effects.len() < 2 {
        return Err(NoAnswer::TooFew);
    }
    let smallest = se.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= 0.0 {
        return Err(NoAnswer::NoVariance);
    }
    // Weights relative to the largest, so that they cannot overflow.
    let weights: Vec<f64> = se.iter().map(|se| (smallest / se).powi(2)).collect();
    let total: f64 = weights.iter().sum();
    let origin = effects[0];
    let shifted: f64 =
        effects.iter().zip(&weights).map(|(effect, weight)| weight * (effect - origin)).sum();
    let pooled = finite(origin + shifted / total)?;
    let q = effects.iter().zip(se).map(|(effect, se)| ((effect - pooled) / se).powi(2)).sum();
    let q = finite(q)?;
    #[allow(clippy::cast_precision_loss, reason = "a number of segments")]
    let df = (effects.len() - 1) as f64;
    let i2 = if q > df { (q - df) / q } else { 0.0 };
    Ok(Heterogeneity { pooled, q, df, p: chi_square_sf(q, df)?, i2 })
}
