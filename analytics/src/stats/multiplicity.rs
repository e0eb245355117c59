//! Many metrics, many variations: p-values adjusted over the whole family at once, so that "adjusted p < alpha" is the
//! decision.

use super::NoAnswer;
use super::no_answer::require;

/// A correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// `m p` (Dunn 1961, JASA 56:52); family-wise error.
    Bonferroni,
    /// Step-down `max (m - i + 1) p(i)` (Holm 1979, Scandinavian Journal of Statistics 6:65); family-wise error.
    Holm,
    /// Step-up `min (m - i + 1) p(i)` (Hochberg 1988, Biometrika 75:800); family-wise error of independent tests.
    Hochberg,
    /// Step-up `min m/i p(i)` (Benjamini and Hochberg 1995, JRSS B 57:289); false discovery rate.
    BenjaminiHochberg,
    /// Step-up `min c(m) m/i p(i)`, `c(m) = Σ 1/i` (Benjamini and Yekutieli 2001, Annals of Statistics 29:1165); false
    /// discovery rate whatever the dependence.
    BenjaminiYekutieli,
}

/// The adjusted p-values, in the order given.
///
/// # Errors
/// Invalid unless every p-value lies in 0 to 1.
#[allow(clippy::cast_precision_loss, reason = "a number of metrics")]
pub fn adjust(p_values: &[f64], correction: Correction) -> Result<Vec<f64>, NoAnswer> {
    require(p_values.iter().all(|p| (0.0..=1.0).contains(p)), "p-values must lie between 0 and 1")?;
    let m = p_values.len() as f64;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let harmonic: f64 = (1..=p_values.len()).map(|i| 1.0 / i as f64).sum();
    let factor = |rank: usize| {
        let i = (rank + 1) as f64;
        match correction {
            Correction::Bonferroni => m,
            Correction::Holm | Correction::Hochberg => m - i + 1.0,
            Correction::BenjaminiHochberg => m / i,
            Correction::BenjaminiYekutieli => m / i * harmonic,
        }
    };
    let mut adjusted = vec![0.0; p_values.len()];
    let mut put = |rank: usize, bound: f64, up: bool| {
        let p = (factor(rank) * p_values[order[rank]]).min(1.0);
        let p = if up { p.min(bound) } else { p.max(bound) };
        adjusted[order[rank]] = p;
        p
    };
    match correction {
        Correction::Bonferroni => (0..p_values.len()).for_each(|rank| {
            put(rank, 0.0, false);
        }),
        Correction::Holm => {
            (0..p_values.len()).fold(0.0, |bound, rank| put(rank, bound, false));
        }
        Correction::Hochberg | Correction::BenjaminiHochberg | Correction::BenjaminiYekutieli => {
            (0..p_values.len()).rev().fold(1.0, |bound, rank| put(rank, bound, true));
        }
    }
    Ok(adjusted)
}
