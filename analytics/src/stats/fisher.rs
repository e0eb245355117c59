//! Fisher's exact test of two conversion rates, for small cells.

use std::f64::consts::PI;

use super::no_answer::NoAnswer;
use super::special::{log1p_minus, stirling_correction};
use super::{Proportion, Tail};

/// Beyond this many units the sum takes too long, and chi-square has long been exact.
const MAX_UNITS: f64 = 1e12;
/// Tables as likely as the observed one but for rounding count as such; R uses the same margin.
const MARGIN: f64 = 1e-7;

/// Two-sided p-value: the probability of all tables with the same margins that are at most as likely as the observed
/// one (Fisher 1935; the two-sided definition of R's `fisher.test`).
///
/// # Errors
/// [`NoAnswer::TooFew`] with an empty arm, [`NoAnswer::NotEstimable`] above 1e12 units.
pub fn exact(control: &Proportion, treatment: &Proportion) -> Result<Tail, NoAnswer> {
    if control.n() == 0 || treatment.n() == 0 {
        return Err(NoAnswer::TooFew);
    }
    let ((x1, n1), (x2, n2)) = (control.numbers(), treatment.numbers());
    if n1 + n2 > MAX_UNITS {
        return Err(NoAnswer::NotEstimable);
    }
    let table = Table { drawn: x1 + x2, first: n1, second: n2 };
    let observed = table.ln_probability(x1);
    let (low, high) = table.support();
    let mode = ((table.drawn + 1.0) * (n1 + 1.0) / (n1 + n2 + 2.0)).floor().clamp(low, high);
    let limit = observed + MARGIN;
    // The probabilities rise up to the mode and fall after it, so each side has one place to start from.
    let left = bisect(low, mode, |x| table.ln_probability(x) <= limit, false);
    let right = bisect(mode, high, |x| table.ln_probability(x) <= limit, true);
    let (mut sum, top) = (0.0, observed);
    if let Some(start) = left {
        sum += table.tail(start, top, -1.0, low);
    }
    // When the mode itself is no more likely than the observed table, both sides contain it.
    let right = match (left, right) {
        (Some(left), Some(right)) if right <= left => (left < high).then_some(left + 1.0),
        (_, right) => right,
    };
    if let Some(start) = right {
        sum += table.tail(start, top, 1.0, high);
    }
    Ok(Tail::from_ln(top + f64::ln(sum)))
}

/// The hypergeometric distribution of the conversions in the first arm.
struct Table {
    drawn: f64,
    first: f64,
    second: f64,
}

impl Table {
    fn support(&self) -> (f64, f64) {
        ((self.drawn - self.second).max(0.0), self.drawn.min(self.first))
    }

    /// As a product of three binomials (Loader 2000).
    fn ln_probability(&self, x: f64) -> f64 {
        let n = self.first + self.second;
        let (p, q) = (self.drawn / n, (n - self.drawn) / n);
        ln_binomial(x, self.first, p, q) + ln_binomial(self.drawn - x, self.second, p, q)
            - ln_binomial(self.drawn, n, p, q)
    }

    /// The sum from `start` to `end`, relative to `e^top`, by the ratio of neighbours.
    fn tail(&self, start: f64, top: f64, direction: f64, end: f64) -> f64 {
        let mut term = (self.ln_probability(start) - top).exp();
        let mut sum = term;
        let mut x = start;
        while (end - x) * direction > 0.0 {
            let rest = self.second - self.drawn;
            term *= if direction > 0.0 {
                (self.first - x) / (x + 1.0) * ((self.drawn - x) / (rest + x + 1.0))
            } else {
                x / (self.first - x + 1.0) * ((rest + x) / (self.drawn - x + 1.0))
            };
            x += direction;
            sum += term;
            if term < 1e-18 * sum {
                break;
            }
        }
        sum
    }
}

/// The whole number at which `holds` begins going right (`first`), or ends going right; `None` if it holds nowhere.
fn bisect(low: f64, high: f64, holds: impl Fn(f64) -> bool, first: bool) -> Option<f64> {
    let (mut inside, mut outside) = if first { (high, low) } else { (low, high) };
    if holds(outside) {
        return Some(outside);
    }
    if !holds(inside) {
        return None;
    }
    while (inside - outside).abs() > 1.0 {
        let middle = ((inside + outside) / 2.0).floor();
        if holds(middle) { inside = middle } else { outside = middle }
    }
    Some(inside)
}

/// `ln` of the binomial probability, in saddle-point form.
fn ln_binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    if x <= 0.0 {
        return n * if p < 0.5 { (-p).ln_1p() } else { q.ln() };
    }
    if x >= n {
        return n * if q < 0.5 { (-q).ln_1p() } else { p.ln() };
    }
    let rest = n - x;
    let deviance = |k: f64, expected: f64| {
        // k ln(k / expected) + expected - k
        let u = (expected - k) / k;
        if u.is_finite() { -k * log1p_minus(u) } else { f64::INFINITY }
    };
    stirling_correction(n)
        - stirling_correction(x)
        - stirling_correction(rest)
        - deviance(x, n * p)
        - deviance(rest, n * q)
        + 0.5 * (n / (2.0 * PI * x * rest)).ln()
}
