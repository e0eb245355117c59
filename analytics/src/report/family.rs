//! Several metrics and variations: their p-values are corrected together, by what they are for.
//!
//! Primary metrics times variations are one family, secondary ones another; guardrails are not corrected, because
//! each of them must be able to stop the experiment. A comparison without a p-value yet counts with 1, so that a family
//! does not grow while data arrive.

use serde::Serialize;

use crate::plan::{self, Role};
use crate::stats::multiplicity::{self, adjust};
use crate::stats::{Alpha, Tail};

/// The comparisons that are corrected together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Family {
    /// Which: `primary`, `secondary` or `guardrail`.
    pub name: &'static str,
    /// How.
    pub correction: plan::Correction,
    /// How many comparisons there are, metrics times variations.
    pub size: usize,
    /// The metrics, in the order of the plan.
    pub metrics: Vec<String>,
}

/// How a comparison's p-value is corrected over its family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corrected {
    /// What it is multiplied by.
    factor: f64,
    /// What it is to be compared with: alpha over the factor.
    pub(super) level: Alpha,
}

impl Corrected {
    /// Not at all.
    pub(super) const fn alone(alpha: Alpha) -> Self {
        Self { factor: 1.0, level: alpha }
    }

    /// A p-value of the comparison, corrected.
    pub(super) fn times(&self, p: Tail) -> Tail {
        Tail::from_ln(p.ln() + self.factor.ln())
    }
}

/// The families.
pub(super) const NAMES: [&str; 3] = ["primary", "secondary", "guardrail"];

/// Which family a metric is in.
pub(super) const fn name(role: &Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Secondary => "secondary",
        Role::Guardrail { .. } => "guardrail",
    }
}

/// How a family is corrected.
pub(super) const fn correction(role: &Role, asked: plan::Correction) -> plan::Correction {
    match role {
        Role::Guardrail { .. } => plan::Correction::None,
        Role::Primary | Role::Secondary => asked,
    }
}

/// Corrects the p-values of a family.
pub(super) fn corrected(
    p_values: &[Tail],
    correction: plan::Correction,
    alpha: Alpha,
) -> Vec<Corrected> {
    /// Smaller ones are corrected as this one is.
    const SMALLEST: f64 = 1e-290;
    let method = match correction {
        plan::Correction::None => None,
        plan::Correction::Bonferroni => Some(multiplicity::Correction::Bonferroni),
        plan::Correction::Holm => Some(multiplicity::Correction::Holm),
        plan::Correction::Hochberg => Some(multiplicity::Correction::Hochberg),
        plan::Correction::BenjaminiHochberg => Some(multiplicity::Correction::BenjaminiHochberg),
    };
    let numbers: Vec<f64> = p_values.iter().map(|p| p.p().clamp(SMALLEST, 1.0)).collect();
    let adjusted =
        method.and_then(|method| adjust(&numbers, method).ok()).unwrap_or_else(|| numbers.clone());
    #[allow(clippy::cast_precision_loss, reason = "a number of metrics")]
    let size = if method.is_some() { p_values.len().max(1) as f64 } else { 1.0 };
    let one = |(number, adjusted): (&f64, &f64)| {
        // A corrected value that was cut at 1 does not tell what it was multiplied by.
        let factor = if *adjusted < 1.0 { (adjusted / number).clamp(1.0, size) } else { size };
        match Alpha::new(alpha.get() / factor) {
            Ok(level) => Corrected { factor, level },
            Err(_) => Corrected::alone(alpha),
        }
    };
    numbers.iter().zip(&adjusted).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::multiplicity::Correction as Method;

    const A: Alpha = Alpha::FIVE_PERCENT;

    fn of(p: &[f64], correction: plan::Correction) -> Vec<Corrected> {
        let tails: Vec<Tail> = p.iter().map(|p| Tail::from_p(*p)).collect();
        corrected(&tails, correction, A)
    }

    #[test]
    fn the_level_tells_what_the_corrected_p_value_tells() {
        let cases: [&[f64]; 4] =
            [&[0.01, 0.04, 0.03], &[0.02, 0.02, 1.0], &[0.5, 1.0], &[0.001, 0.013, 0.04, 0.6]];
        for correction in [
            plan::Correction::None,
            plan::Correction::Bonferroni,
            plan::Correction::Holm,
            plan::Correction::Hochberg,
            plan::Correction::BenjaminiHochberg,
        ] {
            for p in cases {
                let expected = match correction {
                    plan::Correction::None => p.to_vec(),
                    plan::Correction::Bonferroni => adjust(p, Method::Bonferroni).unwrap(),
                    plan::Correction::Holm => adjust(p, Method::Holm).unwrap(),
                    plan::Correction::Hochberg => adjust(p, Method::Hochberg).unwrap(),
                    plan::Correction::BenjaminiHochberg => {
                        adjust(p, Method::BenjaminiHochberg).unwrap()
                    }
                };
                for ((found, p), expected) in of(p, correction).iter().zip(p).zip(expected) {
                    let by_p = found.times(Tail::from_p(*p)).p();
                    assert!((by_p - expected).abs() < 1e-12, "{correction:?} {p} {found:?}");
                    assert_eq!(by_p <= 0.05, *p <= found.level.get(), "{correction:?} {p}");
                }
            }
        }
    }

    #[test]
    fn holm_by_hand() {
        let found = of(&[0.01, 0.04, 0.03], plan::Correction::Holm);
        let factors: Vec<f64> = found.iter().map(|found| found.factor).collect();
        for (factor, expected) in factors.iter().zip([3.0, 1.5, 2.0]) {
            assert!((factor - expected).abs() < 1e-12, "{factors:?}");
        }
        assert!((found[0].level.get() - 0.05 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn tiny_p_values_do_not_vanish() {
        let tails = [Tail::from_ln(-5000.0), Tail::from_p(0.2)];
        let found = corrected(&tails, plan::Correction::Holm, A);
        assert!((found[0].times(tails[0]).ln() - (-5000.0 + 2f64.ln())).abs() < 1e-9);
    }
}
