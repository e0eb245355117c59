//! The two pieces that make ratios of gamma functions exact for large arguments: `ln(1 + u) - u`, and what Stirling's
//! formula leaves over.

use std::f64::consts::PI;

/// `ln(1 + u) - u` without cancellation, for `u >= -1`: with `r = u / (2 + u)`, twice the series of `atanh(r)`
/// (Abramowitz and Stegun 4.1.27).
pub(crate) fn log1p_minus(u: f64) -> f64 {
    if !(-0.5..=1.0).contains(&u) {
        return u.ln_1p() - u;
    }
    let r = u / (2.0 + u);
    let s = r * r;
    // Enough terms for 1e-17 at the given size of s, which is at most 1/9.
    let terms = if s < 1e-8 {
        2
    } else if s < 1e-3 {
        6
    } else {
        18
    };
    let mut sum = 0.0;
    for k in (0..terms).rev() {
        sum = sum * s + 1.0 / f64::from(2 * k + 3);
    }
    r * (2.0 * s * sum - u)
}

/// `ln Γ(a) - [(a - ½) ln a - a + ½ ln 2π]` for `a > 0` (Abramowitz and Stegun 6.1.41).
pub(crate) fn correction(a: f64) -> f64 {
    if a < 10.0 {
        return libm::lgamma(a) - (a - 0.5) * a.ln() + a - 0.5 * (2.0 * PI).ln();
    }
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    inverse
        * (1.0 / 12.0
            - square
                * (1.0 / 360.0
                    - square
                        * (1.0 / 1260.0
                            - square
                                * (1.0 / 1680.0
                                    - square
                                        * (1.0 / 1188.0
                                            - square * (691.0 / 360_360.0 - square / 156.0))))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log1p_minus_is_continuous_where_the_methods_meet() {
        for (u, expected) in [
            (1e-9, -4.999_999_996_666_667e-19),
            (0.5, -0.094_534_891_891_835_62),
            (-0.5, -0.193_147_180_559_945_3),
            (1.0, -0.306_852_819_440_054_7),
            (3.0, -1.613_705_638_880_109_4),
        ] {
            assert!((log1p_minus(u) / expected - 1.0).abs() < 1e-14, "{u}: {}", log1p_minus(u));
        }
        assert_eq!(log1p_minus(-1.0), f64::NEG_INFINITY);
    }

    #[test]
    fn the_correction_meets_the_gamma_function() {
        for a in [0.001, 0.5, 1.0, 3.3, 9.999, 10.0, 40.0] {
            let stirling = (a - 0.5) * f64::ln(a) - a + 0.5 * (2.0 * PI).ln();
            assert!((correction(a) + stirling - libm::lgamma(a)).abs() < 4e-14, "{a}");
        }
    }
}
