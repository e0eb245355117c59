//! Student's t, for any positive degrees of freedom up to infinity, and its quantile.

use std::f64::consts::PI;

use super::beta::fraction;
use super::normal::{ln_sf as normal_ln_sf, normal_isf};
use super::stirling::{correction, log1p_minus};
use crate::stats::no_answer::{NoAnswer, require};
use crate::stats::tail::Tail;

/// From here on Hill's expansion has full accuracy in the middle.
const HILL: f64 = 5e3;
/// From here on t is normal to the last digit.
const NORMAL: f64 = 1e18;

/// The probability above `t`: half of `I_x(df/2, ½)` with `x = df / (df + t²)` (Abramowitz and Stegun 26.7.1), by the
/// power series of the middle, the continued fraction of the tail, or Hill's expansion (1970, CACM algorithm 395).
///
/// # Errors
/// Unless `df` is positive and `t` a number.
pub fn student_sf(t: f64, df: f64) -> Result<Tail, NoAnswer> {
    require(df > 0.0, "degrees of freedom must be positive")?;
    require(!t.is_nan(), "t must be a number")?;
    let upper = Tail::from_ln(ln_sf(t.abs(), df).0);
    Ok(if t < 0.0 { upper.complement() } else { upper })
}

/// The value with probability `p` above it.
///
/// # Errors
/// Unless `0 < p < 1` and `df` is positive.
pub fn student_quantile_above(p: f64, df: f64) -> Result<f64, NoAnswer> {
    require(p > 0.0 && p < 1.0, "a probability must lie between 0 and 1")?;
    require(df > 0.0, "degrees of freedom must be positive")?;
    Ok(student_isf(p, df))
}

/// `ln` of the probability above `t >= 0`, and `ln [t f(t)]` with the density `f`.
fn ln_sf(t: f64, df: f64) -> (f64, f64) {
    let square = t * t;
    if df >= NORMAL {
        return (normal_ln_sf(t), t.ln() - 0.5 * square - 0.5 * (2.0 * PI).ln());
    }
    let a = 0.5 * df;
    let ln_constant =
        a * log1p_minus(0.5 / a) - 0.5 * (2.0 * PI).ln() + correction(a + 0.5) - correction(a);
    let u = square / df;
    if t > 1e100 || u > 1e25 {
        // All that is left is the power law.
        let ln_density = ln_constant + 0.5 * (df + 1.0) * df.ln() - df * t.ln();
        return (ln_density - df.ln(), ln_density);
    }
    let log = u.ln_1p();
    let ln_weight = ln_constant + t.ln() - 0.5 * (df + 1.0) * log;
    if df >= HILL && square < 50.0 {
        return (normal_ln_sf(hill(df, log)), ln_weight);
    }
    let (x, y) = (1.0 / (1.0 + u), u / (1.0 + u));
    if (square <= 6.0 && df >= 4.0) || square < 1.0 {
        let (mut term, mut sum, mut k) = (1.0, 1.0, 0.0);
        for _ in 0..100_000 {
            term *= (a + 0.5 + k) * y / (1.5 + k);
            sum += term;
            k += 1.0;
            if term <= 1e-17 * sum {
                break;
            }
        }
        return ((0.5 - ln_weight.exp() * sum).ln(), ln_weight);
    }
    let lambda = 0.5 * (square - 1.0) * x;
    (ln_weight + (0.5 * fraction(a, 0.5, x, lambda, y)).ln(), ln_weight)
}

/// The normal value that has the same tail; `log` is `ln(1 + t²/df)`.
fn hill(df: f64, log: f64) -> f64 {
    let a = df - 0.5;
    let b = 48.0 * a * a;
    let y = a * log;
    let inner = (((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b) + y + 3.0;
    (inner / b + 1.0) * y.sqrt()
}

/// The value with `p` above it, for `0 < p < 1` and `df > 0`: a Cornish–Fisher start (Abramowitz and Stegun 26.7.5)
/// and Newton's steps on the logarithms of tail and value, in which the tail is concave.
pub(crate) fn student_isf(p: f64, df: f64) -> f64 {
    if p > 0.5 {
        return -student_isf(1.0 - p, df);
    }
    let z = normal_isf(p);
    if z <= 0.0 || df >= NORMAL {
        return z;
    }
    let mut t = if df >= 3.0 && z * z < df { cornish_fisher(z, df) } else { z.min(40.0) };
    if df >= 1e3 && z < 40.0 && z * z < 1e-3 * df {
        return t;
    }
    let target = p.ln();
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut s = t.ln();
    for _ in 0..200 {
        let (ln_sf, ln_weight) = ln_sf(t, df);
        let error = ln_sf - target;
        if error > 0.0 {
            low = s;
        } else {
            high = s;
        }
        let step = error * (ln_sf - ln_weight).exp();
        // Newton's error is the square of the step, so this one is the last.
        if step.abs() < 1e-8 {
            return (s + step).exp();
        }
        let mut next = s + step;
        if next.is_nan() || next <= low || next >= high {
            next = match (low.is_finite(), high.is_finite()) {
                (true, true) => 0.5 * (low + high),
                (true, false) => low + 2.0,
                (false, _) => high - 2.0,
            };
        }
        s = next.min(709.0);
        t = s.exp();
        if s >= 709.0 {
            break;
        }
    }
    t
}

fn cornish_fisher(z: f64, df: f64) -> f64 {
    let w = z * z;
    let g1 = (w + 1.0) / 4.0;
    let g2 = ((5.0 * w + 16.0) * w + 3.0) / 96.0;
    let g3 = (((3.0 * w + 19.0) * w + 17.0) * w - 15.0) / 384.0;
    let g4 = ((((79.0 * w + 776.0) * w + 1482.0) * w - 1920.0) * w - 945.0) / 92_160.0;
    z * (1.0 + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_inverts_the_tail_everywhere() {
        for df in [0.3, 1.0, 1.5, 2.5, 9.0, 99.0, 999.0, 4999.0, 5001.0, 1e6, 2e7, 2e9, 1e17, 1e300]
        {
            for p in [1e-300, 1e-30, 1e-9, 1e-4, 0.025, 0.2, 0.499_999, 0.5, 0.975] {
                let t = student_isf(p, df);
                if t.abs() > 1e290 {
                    continue;
                }
                let tail = student_sf(t, df).unwrap();
                assert!((tail.ln() - p.ln()).abs() < 2e-12 * p.ln().abs().max(1.0), "{df} {p} {t}");
            }
        }
    }

    #[test]
    fn one_and_two_degrees_of_freedom_have_closed_forms() {
        for t in [1e-9, 1e-3, 0.9, 1.1, 2.4, 2.5, 1e3, 1e12, 1e99, 1e150] {
            let one = student_sf(t, 1.0).unwrap().p();
            let exact = (1.0 / t).atan() / PI;
            assert!((one / exact - 1.0).abs() < 1e-12, "{t} {one} {exact}");
            let two = student_sf(t, 2.0).unwrap().p();
            let root = (2.0 + t * t).sqrt();
            let exact = 1.0 / (root * (root + t));
            assert!((two / exact - 1.0).abs() < 1e-12, "{t} {two} {exact}");
        }
    }

    #[test]
    fn the_expansion_meets_the_series_and_the_fraction() {
        for t in [0.3, 1.96, 4.0, 7.0] {
            let (below, above) = (ln_sf(t, HILL - 1e-9).0, ln_sf(t, HILL).0);
            assert!((below - above).abs() < 1e-12 * below.abs().max(1.0), "{t}: {below} {above}");
        }
    }
}
