//! The normal distribution.

use std::f64::consts::{PI, SQRT_2};

use statrs::function::erf::erfc_inv;

use crate::stats::no_answer::{NoAnswer, require};
use crate::stats::tail::Tail;

/// The probability above `z`: `½ erfc(z/√2)`, and from 5 on the continued fraction of Mills' ratio (Abramowitz and
/// Stegun 26.2.14), as a logarithm.
///
/// # Errors
/// When `z` is NaN.
pub fn normal_sf(z: f64) -> Result<Tail, NoAnswer> {
    require(!z.is_nan(), "z must be a number")?;
    Ok(Tail::from_ln(ln_sf(z)))
}

/// The value with probability `p` above it.
///
/// # Errors
/// Unless `0 < p < 1`.
pub fn normal_quantile_above(p: f64) -> Result<f64, NoAnswer> {
    require(p > 0.0 && p < 1.0, "a probability must lie between 0 and 1")?;
    Ok(normal_isf(p))
}

pub(crate) fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The probability above `z`, as a probability.
pub(crate) fn upper(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

pub(super) fn ln_sf(z: f64) -> f64 {
    if z < 5.0 { upper(z).ln() } else { -0.5 * z * z - 0.5 * (2.0 * PI).ln() + mills(z).ln() }
}

/// The probability above `s >= 0` over the density there.
pub(super) fn mills(s: f64) -> f64 {
    if s < 5.0 {
        return upper(s) / density(s);
    }
    // From the inside out; 60 terms give 16 digits from 5 on.
    let mut fraction = s;
    for k in (1..=60).rev() {
        fraction = s + f64::from(k) / fraction;
    }
    1.0 / fraction
}

/// The value with `p` above it. Infinite for 0 and 1.
pub(crate) fn normal_isf(p: f64) -> f64 {
    SQRT_2 * erfc_inv(2.0 * p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_far_below_the_smallest_float() {
        assert!((ln_sf(38.5) - -745.695_270_290_411_1).abs() < 1e-9);
        assert!((ln_sf(5.0 - 1e-12) - ln_sf(5.0)).abs() < 1e-10, "the methods meet");
        assert!(ln_sf(1e200).is_infinite() && ln_sf(1e10).is_finite());
    }

    #[test]
    fn the_quantile_inverts_the_tail() {
        for p in [1e-300, 1e-20, 1e-5, 0.025, 0.5, 0.975] {
            assert!((ln_sf(normal_isf(p)) - f64::ln(p)).abs() < 1e-12 * f64::ln(p).abs().max(1.0));
        }
    }
}
