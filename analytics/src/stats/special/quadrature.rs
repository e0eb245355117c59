//! Integrals: Gauss–Legendre rules, and log-concave functions over the whole line.

use std::f64::consts::PI;
use std::sync::OnceLock;

/// Nodes in -1 to 1 and their weights.
pub(crate) type Rule = Vec<(f64, f64)>;

const SIZES: [u16; 12] = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536];

/// The smallest Gauss–Legendre rule with at least `nodes` nodes, 1536 at most (Abramowitz and Stegun 25.4.29).
pub(crate) fn rule(nodes: f64) -> &'static Rule {
    static RULES: [OnceLock<Rule>; SIZES.len()] = [const { OnceLock::new() }; SIZES.len()];
    let index = SIZES.iter().position(|&size| f64::from(size) >= nodes).unwrap_or(SIZES.len() - 1);
    RULES[index].get_or_init(|| legendre(SIZES[index]))
}

fn legendre(size: u16) -> Rule {
    let n = f64::from(size);
    (0..size)
        .map(|i| {
            let mut x = (PI * (f64::from(i) + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..20 {
                let (mut before, mut value) = (1.0, x);
                for k in 2..=size {
                    let k = f64::from(k);
                    (before, value) =
                        (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
                }
                slope = n * (x * value - before) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// `ln ∫ exp(f)` over the line, for a concave `f` whose maximum lies in `low` to `high`: Gauss–Legendre on panels that end
/// at `breaks`, which must be as close as the scale of `f` where that is finer than an eighth of its width.
pub(crate) fn ln_integral_of_log_concave(
    f: impl Fn(f64) -> f64,
    (low, high): (f64, f64),
    breaks: impl IntoIterator<Item = f64>,
) -> f64 {
    /// e^-45 is below the last digit.
    const DROP: f64 = 45.0;
    const PARTS: u16 = 8;
    let (mut a, mut b) = (low, high);
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut left, mut right) = (b - golden * (b - a), a + golden * (b - a));
    let (mut f_left, mut f_right) = (f(left), f(right));
    for _ in 0..75 {
        if f_left >= f_right {
            (b, right, f_right) = (right, left, f_left);
            left = b - golden * (b - a);
            f_left = f(left);
        } else {
            (a, left, f_left) = (left, right, f_right);
            right = a + golden * (b - a);
            f_right = f(right);
        }
    }
    let (peak, top) = if f_left >= f_right { (left, f_left) } else { (right, f_right) };
    if !top.is_finite() {
        return f64::NEG_INFINITY;
    }
    let edge = |direction: f64| {
        let mut width = 1e-9;
        while width < 1e4 && f(peak + direction * width) > top - DROP {
            width *= 2.0;
        }
        let mut inside = 0.5 * width;
        for _ in 0..8 {
            let middle = 0.5 * (inside + width);
            if f(peak + direction * middle) > top - DROP { inside = middle } else { width = middle }
        }
        peak + direction * width
    };
    let (from, to) = (edge(-1.0), edge(1.0));
    let mut ends: Vec<f64> = (0..=PARTS)
        .map(|part| from + (to - from) * (f64::from(part) / f64::from(PARTS)))
        .chain(breaks.into_iter().filter(|at| *at > from && *at < to))
        .collect();
    ends.sort_unstable_by(f64::total_cmp);
    let panel = |ends: &[f64]| {
        let (half, middle) = (0.5 * (ends[1] - ends[0]), 0.5 * (ends[1] + ends[0]));
        let nodes = rule(32.0).iter();
        half * nodes.map(|(x, weight)| weight * (f(middle + half * x) - top).exp()).sum::<f64>()
    };
    top + ends.windows(2).map(panel).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_integrate_polynomials_and_the_bell() {
        for nodes in [1.0, 40.0, 200.0, 9999.0] {
            let rule = rule(nodes);
            let (area, fourth) = rule
                .iter()
                .fold((0.0, 0.0), |(area, fourth), (x, w)| (area + w, fourth + w * x.powi(4)));
            assert!((area - 2.0_f64).abs() < 1e-12 && (fourth - 0.4_f64).abs() < 1e-12);
        }
        for (mean, sd) in [(0.0, 1.0), (3.0, 1e-5), (-40.0, 7.0)] {
            let ln =
                ln_integral_of_log_concave(|u| -0.5 * ((u - mean) / sd).powi(2), (-60.0, 60.0), []);
            assert!((ln - (sd * (2.0 * PI).sqrt()).ln()).abs() < 1e-11, "{mean} {sd}");
        }
    }
}
