//! Numbers as people read them, for reasons and evidence.

use std::f64::consts::LN_10;

use super::answer::P;
use crate::stats::Interval;
use crate::stats::lift::LiftSet;

/// A relative change: `+3.1 %`.
pub(super) fn change(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= 1e6 {
        return format!("{percent:+.3e} %");
    }
    format!("{percent:+.*} %", decimals(percent))
}

/// A share: `12.5 %`.
pub(super) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= 1e6 {
        return format!("{percent:.3e} %");
    }
    format!("{percent:.*} %", decimals(percent))
}

/// A number with four digits that count.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let whole = value.abs().max(1.0).log10().floor();
    let small = if value == 0.0 { 0.0 } else { (-value.abs().log10()).ceil().max(0.0) };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
    let places = (3.0 - whole + small).clamp(0.0, 8.0) as usize;
    format!("{value:.places$}")
}

/// A p-value: `0.0123`, `3.8e-16`. Never below what it is: the last digit is rounded up.
pub(super) fn p(p: P) -> String {
    if p.get() >= 1e-4 {
        return format!("{:.4}", p.get());
    }
    let log10 = p.ln() / LN_10;
    let mut exponent = log10.floor();
    let mut digits = (10_f64.powf(log10 - exponent) * 10.0).ceil() / 10.0;
    if digits >= 10.0 {
        (digits, exponent) = (1.0, exponent + 1.0);
    }
    format!("{digits:.1}e{exponent:.0}")
}

/// Users: `12,345`.
pub(super) fn count(users: u64) -> String {
    let digits = users.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.0012 to 0.0034`.
pub(super) fn range(interval: &Interval) -> String {
    format!("{} to {}", number(interval.lower), number(interval.upper))
}

/// `+1.2 % to +4.9 %`.
pub(super) fn changes(set: &LiftSet) -> String {
    match set {
        LiftSet::Bounded(interval) => {
            format!("{} to {}", change(interval.lower), change(interval.upper))
        }
        LiftSet::Outside { below, above } => {
            format!("at most {} or at least {}", change(*below), change(*above))
        }
        LiftSet::Everything => "anything".to_owned(),
    }
}

fn decimals(percent: f64) -> usize {
    match percent.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_count() {
        assert_eq!(change(0.0312), "+3.12 %");
        assert_eq!(change(-0.4), "-40.0 %");
        assert_eq!(change(12.0), "+1200 %");
        assert_eq!(share(0.005), "0.50 %");
        assert_eq!(number(0.0), "0.000");
        assert_eq!(number(0.012_345), "0.01235");
        assert_eq!(number(1234.5), "1234");
        assert_eq!(number(12.0), "12.00");
        assert_eq!(number(1e12), "1.000e12");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
    }
}
