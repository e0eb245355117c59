//! The chi-square distribution.

use std::f64::consts::PI;

use super::ln_one_minus_exp;
use super::normal::{ln_sf, mills};
use super::stirling::{correction, log1p_minus};
use crate::stats::no_answer::{NoAnswer, require};
use crate::stats::tail::Tail;

/// The probability of a chi-square variable above `x`: `Q(df/2, x/2)`, by series below the mean and by continued
/// fraction above it (Abramowitz and Stegun 6.5.29, 6.5.31), for huge `df` by Temme's uniform expansion (DLMF 8.12).
///
/// # Errors
/// Unless `df` is positive and finite, and `x` a number.
pub fn chi_square_sf(x: f64, df: f64) -> Result<Tail, NoAnswer> {
    require(df > 0.0 && df <= 1e300, "degrees of freedom must be positive")?;
    require(!x.is_nan(), "the statistic must be a number")?;
    if x <= 0.0 {
        return Ok(Tail::CERTAIN);
    }
    #[allow(clippy::float_cmp, reason = "a whole number was put in")]
    if df == 1.0 {
        return Ok(Tail::from_ln(ln_sf(x.sqrt())).two_sided());
    }
    if x == f64::INFINITY {
        return Ok(Tail::from_ln(f64::NEG_INFINITY));
    }
    Ok(Tail::from_ln(ln_upper_gamma(0.5 * df, 0.5 * x)))
}

fn ln_upper_gamma(a: f64, x: f64) -> f64 {
    let excess = (x - a) / a;
    let deviance = -a * log1p_minus(excess);
    if a > 1e7 {
        let s = (2.0 * deviance.max(0.0)).sqrt();
        // 1/mu - 1/eta, with eta of the sign of the excess, tends to -1/3.
        let first = |s: f64| {
            if s.abs() < 1e-4 {
                -1.0 / (3.0 * a.sqrt())
            } else {
                1.0 / (excess * a.sqrt()) - 1.0 / s
            }
        };
        let scale = -deviance - 0.5 * (2.0 * PI).ln();
        return if excess >= 0.0 {
            scale + (mills(s) + first(s)).ln()
        } else {
            ln_one_minus_exp((scale + (mills(s) - first(-s)).ln()).min(0.0))
        };
    }
    // ln [x^a e^-x / Γ(a)]
    let prefactor = -deviance + 0.5 * a.ln() - 0.5 * (2.0 * PI).ln() - correction(a);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        let mut k = a;
        for _ in 0..1_000_000 {
            k += 1.0;
            term *= x / k;
            sum += term;
            if term <= 1e-17 * sum {
                break;
            }
        }
        return ln_one_minus_exp((prefactor + sum.ln()).min(0.0));
    }
    // Modified Lentz.
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut k = 0.0;
    for _ in 0..1_000_000 {
        k += 1.0;
        let numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON || !fraction.is_finite() {
            break;
        }
    }
    prefactor + fraction.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_a_tail_below_the_smallest_float() {
        let sf = |x, df| chi_square_sf(x, df).unwrap();
        assert!((sf(2.0 * 3.0_f64, 2.0).ln() + 3.0).abs() < 1e-14, "df 2 is exponential");
        assert!((sf(1e4, 2.0).ln() + 5e3).abs() < 1e-9);
        assert!((sf(1e9, 1e9).p() - 0.5).abs() < 1e-4);
        let (below, above) = (sf(2e7 + 9e3, 1.999_999e7), sf(2e7 + 9e3, 2.000_001e7));
        assert!(
            below.p() < above.p() && (below.ln() - above.ln()).abs() < 0.02,
            "the methods meet"
        );
    }
}
