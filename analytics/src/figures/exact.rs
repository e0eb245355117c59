//! From exact integers to the nearest floating point number, rounded once.

use num_bigint::{BigInt, Sign};

/// `numerator / denominator`, correctly rounded; 0 if the denominator is 0.
pub(super) fn ratio(numerator: &BigInt, denominator: &BigInt) -> f64 {
    if numerator.sign() == Sign::NoSign || denominator.sign() == Sign::NoSign {
        return 0.0;
    }
    let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    let (numerator, denominator) = (numerator.magnitude(), denominator.magnitude());
    // A quotient of 64 or 65 bits; the lowest of them stands for the rest, so that halves are told from less.
    let shift = i64::try_from(denominator.bits()).unwrap_or(i64::MAX) + 64
        - i64::try_from(numerator.bits()).unwrap_or(i64::MAX);
    let (numerator, denominator) = if shift >= 0 {
        (numerator << shift, denominator.clone())
    } else {
        (numerator.clone(), denominator << -shift)
    };
    let quotient = &numerator / &denominator;
    let rest = numerator != &quotient * &denominator;
    let quotient = u128::try_from(quotient).unwrap_or(u128::MAX) | u128::from(rest);
    #[allow(clippy::cast_precision_loss, reason = "this is the one rounding")]
    let rounded = quotient as f64;
    let value = libm::scalbn(rounded, i32::try_from(-shift).unwrap_or(i32::MAX));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ratios_are_those_of_ieee() {
        for numerator in [-7_i64, -1, 0, 1, 2, 3, 1_000_003, 1 << 52, (1 << 53) - 1] {
            for denominator in [1_i64, 3, 7, 10, 1_000_000, (1 << 53) - 1] {
                #[allow(clippy::cast_precision_loss, reason = "below 2^53, see above")]
                let expected = numerator as f64 / denominator as f64;
                let actual = ratio(&numerator.into(), &denominator.into());
                assert_eq!(
                    actual.to_bits(),
                    (expected + 0.0).to_bits(),
                    "{numerator}/{denominator}"
                );
            }
        }
    }

    #[test]
    fn large_integers_round_to_even_and_extremes_stay_finite() {
        let two = BigInt::from(2);
        let odd = two.pow(53) + 1;
        assert_eq!(ratio(&odd, &1.into()).to_bits(), 9_007_199_254_740_992_f64.to_bits());
        let above: BigInt = (two.pow(53) + 1) * two.pow(80) + 1;
        let expected = 9_007_199_254_740_994_f64 * 80_f64.exp2();
        assert_eq!(ratio(&above, &1.into()).to_bits(), expected.to_bits());
        assert!(ratio(&two.pow(900), &3.into()).is_finite());
        assert!(ratio(&3.into(), &two.pow(900)) > 0.0);
        assert_eq!(ratio(&3.into(), &0.into()).to_bits(), 0_f64.to_bits());
    }
}
