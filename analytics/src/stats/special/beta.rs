//! The beta distribution, both tails, for shapes from far below one to beyond 1e9.

use std::f64::consts::PI;

use super::ln_one_minus_exp;
use super::normal::mills;
use super::stirling::{correction, log1p_minus};
use crate::stats::no_answer::{NoAnswer, require};

/// From here on the uniform expansion is good to 1e-11 and the fraction gets slow.
const LARGE: f64 = 1e5;

/// The probability of a beta variable to lie below `x`: the regularised incomplete beta function, by the even form of
/// its continued fraction (DiDonato and Morris 1992, ACM TOMS 18:360), for large shapes by Temme's uniform expansion.
///
/// # Errors
/// Unless both shapes are positive and finite and `x` lies in 0 to 1.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> Result<f64, NoAnswer> {
    require(a > 0.0 && b > 0.0, "the shapes of a beta must be positive")?;
    require(a <= 1e300 && b <= 1e300, "the shapes of a beta must be at most 1e300")?;
    require((0.0..=1.0).contains(&x), "x must lie between 0 and 1")?;
    Ok(ln_beta_tails(a, b, x, 1.0 - x).0.exp())
}

/// Logarithms of the probability below `x` and above it; `y` is `1 - x`, given apart to keep its digits.
pub(crate) fn ln_beta_tails(a: f64, b: f64, x: f64, y: f64) -> (f64, f64) {
    if a * y >= b * x {
        let lower = ln_smaller(a, b, x, y).min(0.0);
        (lower, ln_one_minus_exp(lower))
    } else {
        let upper = ln_smaller(b, a, y, x).min(0.0);
        (ln_one_minus_exp(upper), upper)
    }
}

/// The logarithm of the density of `u`, where `x = 1 / (1 + e^-u)` is a beta variable.
pub(crate) fn ln_beta_density_logit(a: f64, b: f64, x: f64, y: f64) -> f64 {
    ln_prefactor(a, b, x, y)
}

/// `ln [x^a y^b / B(a, b)]`, as deviances from the mean so that nothing large cancels (the saddle-point form of Loader
/// 2000, "Fast and accurate computation of binomial probabilities").
fn ln_prefactor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let distance = distance(a, b, x, y);
    a * log1p_minus(distance / a) + b * log1p_minus(-distance / b) + 0.5 * (a / (a + b) * b).ln()
        - 0.5 * (2.0 * PI).ln()
        - (correction(a) + correction(b) - correction(a + b))
}

/// `x b - y a`, rounded once (Kahan's difference of products).
fn distance(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let product = y * a;
    x.mul_add(b, -product) - y.mul_add(a, -product)
}

/// The probability below `x` when `x` is at most the mean `a / (a + b)`.
fn ln_smaller(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if a.min(b) > LARGE {
        return ln_uniform(a, b, x, y);
    }
    ln_prefactor(a, b, x, y) + fraction(a, b, x, a * y - b * x, y).ln()
}

/// The continued fraction. `lambda` is `a y - b x`, not negative. Ends after 1e6 terms at the latest; at shapes of
/// [`LARGE`] it needs thousands.
pub(super) fn fraction(a: f64, b: f64, x: f64, lambda: f64, y: f64) -> f64 {
    let c = 1.0 + lambda;
    let c0 = b / a;
    let c1 = 1.0 + 1.0 / a;
    let (mut n, mut p, mut s) = (0.0, 1.0, a + 1.0);
    let (mut an, mut bn) = (0.0, 1.0);
    let (mut next_a, mut next_b) = (1.0, c / c1);
    let mut ratio = c1 / c;
    for _ in 0..1_000_000 {
        n += 1.0;
        let t = n / a;
        let w = n * (b - n) * x;
        let e = a / s;
        let alpha = p * (p + c0) * e * e * (w * x);
        let e = (t + 1.0) / (c1 + t + t);
        let beta = n + w / s + e * (c + n * (y + 1.0));
        p = t + 1.0;
        s += 2.0;
        (an, next_a) = (next_a, alpha * an + beta * next_a);
        (bn, next_b) = (next_b, alpha * bn + beta * next_b);
        let before = ratio;
        ratio = next_a / next_b;
        if (ratio - before).abs() <= 2.0 * f64::EPSILON * ratio || !ratio.is_finite() {
            break;
        }
        // The fraction is a ratio: scale it back before its parts leave the range.
        an /= next_b;
        bn /= next_b;
        next_a = ratio;
        next_b = 1.0;
    }
    ratio
}

/// Temme's uniform expansion with its first correction (Temme 1996, "Special Functions", 11.3.3; DLMF 8.18(ii)).
fn ln_uniform(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let r = a + b;
    let distance = distance(a, b, x, y);
    let half_square = -(a * log1p_minus(distance / a) + b * log1p_minus(-distance / b));
    let s = (2.0 * half_square.max(0.0)).sqrt();
    let (x0, y0) = (a / r, b / r);
    // Near the mean the two terms are large and equal but for (1 - 2 x0) / (3 sqrt(x0 y0)).
    let first = if s < 1e-4 {
        (1.0 - 2.0 * x0) / (3.0 * (x0 * y0).sqrt()) / r.sqrt()
    } else {
        -1.0 / s - (x0 * b).sqrt() / distance
    };
    -half_square - 0.5 * (2.0 * PI).ln() + (mills(s) + first).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_methods_meet() {
        for (a, z) in [(2e5, 0.0), (2e5, 0.001), (2e5, 0.7), (3e5, 4.0), (3e5, 30.0)] {
            let b = 9.0 * a;
            let x = 0.1 - z * (0.09_f64 / (a + b)).sqrt();
            let exact = ln_prefactor(a, b, x, 1.0 - x)
                + fraction(a, b, x, a * (1.0 - x) - b * x, 1.0 - x).ln();
            let uniform = ln_uniform(a, b, x, 1.0 - x);
            assert!(
                (exact - uniform).abs() < 1e-10 * exact.abs().max(1.0),
                "{a} {z} {exact} {uniform}"
            );
        }
    }

    #[test]
    fn shapes_at_which_the_library_breaks() {
        let cdf = |a, b| beta_cdf(0.1, a, b).unwrap();
        assert!((cdf(1e6, 9e6) - 0.500_112_1).abs() < 1e-6, "{}", cdf(1e6, 9e6));
        assert!((cdf(1e8, 9e8) - 0.5).abs() < 2e-5);
        assert!(beta_cdf(0.5, 1e300, 1e300).is_ok());
        assert!(beta_cdf(f64::NAN, 1.0, 1.0).is_err());
    }
}
