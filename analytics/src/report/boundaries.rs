//! The boundaries of an experiment's looks at every level, so that the p-value of a look is the level whose boundary
//! its statistic just reaches.
//!
//! That is the repeated p-value (Jennison and Turnbull 1984, Controlled Clinical Trials 5:33): valid at every look, and
//! so is its running minimum, which is below a level exactly when the boundary of that level has been reached. Hence
//! it can be corrected over several metrics, and an interval at the corrected level agrees with the verdict.
//!
//! Boundaries depend on the information at the looks and on nothing else that an experiment measures. They are
//! computed once for a grid of levels, kept, and read by monotone interpolation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::stats::sequential::spending::{self, Sides, Spending};
use crate::stats::special::{normal_isf, normal_upper};
use crate::stats::{Alpha, NoAnswer, Tail};

/// The grid of levels, as normal quantiles: from 0.96 to 1e-15.
const FIRST: f64 = 0.05;
const LAST: f64 = 8.0;
const STEPS: u32 = 24;
/// So many sets of looks are kept.
const KEPT: usize = 256;

/// Boundaries at the looks of a metric.
#[derive(Debug)]
pub(super) struct Boundaries {
    spending: Spending,
    times: Vec<f64>,
    /// By look: normal quantiles of the levels that have a boundary, each with it, both growing.
    curves: Vec<Vec<(f64, f64)>>,
}

type Key = (u8, u64, Vec<u64>);

static MEMORY: Mutex<Option<HashMap<Key, Arc<Boundaries>>>> = Mutex::new(None);

impl Boundaries {
    /// The boundaries of looks at these information fractions; the level `alpha` is computed without interpolation.
    pub(super) fn of(
        spending: Spending,
        alpha: Alpha,
        times: &[f64],
    ) -> Result<Arc<Self>, NoAnswer> {
        let kind = u8::from(spending == Spending::Pocock);
        let key = (kind, alpha.get().to_bits(), times.iter().map(|time| time.to_bits()).collect());
        {
            let memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = memory.as_ref().and_then(|kept| kept.get(&key)) {
                return Ok(Arc::clone(kept));
            }
        }
        let computed = Arc::new(Self::compute(spending, alpha, times)?);
        let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = memory.get_or_insert_default();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&computed));
        Ok(computed)
    }

    fn compute(spending: Spending, alpha: Alpha, times: &[f64]) -> Result<Self, NoAnswer> {
        let mut quantiles: Vec<f64> = (0..=STEPS)
            .map(|step| FIRST + (LAST - FIRST) * f64::from(step) / f64::from(STEPS))
            .collect();
        quantiles.push(alpha.z());
        quantiles.sort_by(f64::total_cmp);
        // A level next to another one would make a slope of rounding errors.
        quantiles.dedup_by(|next, before| {
            let close = *next - *before < 1e-3;
            if close && (*next - alpha.z()).abs() < f64::EPSILON {
                *before = *next;
            }
            close
        });
        let mut curves = vec![Vec::new(); times.len()];
        for quantile in quantiles {
            let level = Alpha::new(2.0 * normal_upper(quantile))?;
            let bounds = spending::boundaries(spending, level, Sides::Two, times)?;
            for (curve, bound) in curves.iter_mut().zip(bounds) {
                let grows = |curve: &Vec<(f64, f64)>, z: f64| {
                    curve.last().is_none_or(|(_, before)| z > *before)
                };
                if let Some(z) = bound.z.filter(|z| grows(curve, *z)) {
                    curve.push((quantile, z));
                }
            }
        }
        Ok(Self { spending, times: times.to_vec(), curves })
    }

    /// The repeated p-value of a look at which the statistic is `z`.
    pub(super) fn p(&self, look: usize, z: f64) -> Tail {
        let (z, curve) = (z.abs(), &self.curves[look]);
        let (Some(&(_, low)), Some(&(last, high))) = (curve.first(), curve.last()) else {
            return Tail::CERTAIN;
        };
        if z < low {
            return Tail::CERTAIN;
        }
        if z <= high {
            return Tail::from_p(2.0 * normal_upper(quantile_at(curve, z)));
        }
        let ends = 2.0 * normal_upper(last);
        if last < LAST {
            // Smaller levels have no boundary at this look.
            return Tail::from_p(ends);
        }
        self.far_tail(look, z, ends.ln())
    }

    /// Beyond the grid: the level whose whole spending at the look would be in `z` (Bonferroni's bound, which is sharp
    /// there).
    fn far_tail(&self, look: usize, z: f64, top: f64) -> Tail {
        let wanted = 2.0 * normal_upper(z);
        let before = if look == 0 { 0.0 } else { self.times[look - 1] };
        let spends = |ln: f64| {
            Alpha::new(ln.exp()).map_or(0.0, |level| {
                self.spending.spent(self.times[look], level, Sides::Two)
                    - self.spending.spent(before, level, Sides::Two)
            })
        };
        let (mut low, mut high) = (-690.0, top);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if spends(middle) >= wanted { high = middle } else { low = middle }
        }
        Tail::from_ln(high)
    }

    /// The boundary of a look at a level; none where the level spends nothing.
    pub(super) fn bound(&self, look: usize, level: Alpha) -> Option<f64> {
        let (curve, quantile) = (&self.curves[look], level.z());
        let (first, last) = (curve.first()?, curve.last()?);
        if quantile > last.0 || quantile < first.0 {
            return None;
        }
        if let Some(exact) = curve.iter().find(|(node, _)| (node - quantile).abs() < 1e-12) {
            return Some(exact.1);
        }
        let (mut low, mut high) = (first.1, last.1);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if quantile_at(curve, middle) < quantile { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// How much of a level is spent up to a look.
    pub(super) fn spent(&self, look: usize, level: Alpha) -> f64 {
        self.spending.spent(self.times[look], level, Sides::Two)
    }
}

/// Monotone cubic interpolation (Fritsch and Butland 1984, SIAM Journal on Scientific Computing 5:300) of the normal
/// quantile of the level over the boundary.
fn quantile_at(curve: &[(f64, f64)], z: f64) -> f64 {
    let right = curve.partition_point(|(_, bound)| *bound < z).clamp(1, curve.len().max(2) - 1);
    let Some((&(q0, z0), &(q1, z1))) = curve.get(right - 1).zip(curve.get(right)) else {
        return curve.first().map_or(0.0, |(quantile, _)| *quantile);
    };
    let slope = |at: usize| {
        let between = |i: usize| {
            let (from, to) = (curve.get(i)?, curve.get(i + 1)?);
            Some((to.1 - from.1, (to.0 - from.0) / (to.1 - from.1)))
        };
        match (at.checked_sub(1).and_then(between), between(at)) {
            (Some((h0, d0)), Some((h1, d1))) => {
                let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
                (w0 + w1) / (w0 / d0 + w1 / d1)
            }
            (Some((_, d)), None) | (None, Some((_, d))) => d,
            (None, None) => 0.0,
        }
    };
    let (width, t) = (z1 - z0, (z - z0) / (z1 - z0));
    let (m0, m1) = (slope(right - 1) * width, slope(right) * width);
    let (t2, t3) = (t * t, t * t * t);
    q0 * (2.0 * t3 - 3.0 * t2 + 1.0)
        + m0 * (t3 - 2.0 * t2 + t)
        + q1 * (3.0 * t2 - 2.0 * t3)
        + m1 * (t3 - t2)
}

/// The `z` with the same tail above it, which tells the statistics of small samples on the scale of the boundaries.
pub(super) fn z_of(tail: Tail) -> f64 {
    let ln = tail.ln();
    if ln > -690.0 {
        return normal_isf(ln.exp().min(1.0 - f64::EPSILON));
    }
    // Mills' ratio, `ln Q(z) ≈ -z²/2 - ln(z √2π)`, by fixed point.
    let mut z = (-2.0 * ln).sqrt();
    for _ in 0..50 {
        z = (-2.0 * (ln + (z * (2.0 * std::f64::consts::PI).sqrt()).ln())).sqrt();
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sequential::monitor::Monitor;
    use crate::stats::special::normal_sf;

    const A: Alpha = Alpha::FIVE_PERCENT;

    #[test]
    fn the_level_asked_for_has_the_published_boundaries() {
        let times = [0.2, 0.4, 0.6, 0.8, 1.0];
        let fleming = Boundaries::of(Spending::OBrienFleming, A, &times).unwrap();
        let published = [4.87688, 3.35701, 2.68028, 2.28982, 2.03103];
        for (look, expected) in published.into_iter().enumerate() {
            assert!((fleming.bound(look, A).unwrap() - expected).abs() < 1e-5);
            assert!((fleming.p(look, expected).p() - 0.05).abs() < 1e-5);
        }
        let pocock = Boundaries::of(Spending::Pocock, A, &times).unwrap();
        assert!((pocock.bound(4, A).unwrap() - 2.38598).abs() < 1e-5);
        assert!((pocock.spent(4, A) - 0.05).abs() < 1e-15);
    }

    #[test]
    fn p_values_are_the_repeated_ones() {
        let times = [0.1, 0.35, 0.8, 1.0];
        for spending in [Spending::OBrienFleming, Spending::Pocock] {
            let table = Boundaries::of(spending, A, &times).unwrap();
            for z in [1.3, 1.9, 2.6, 3.4, 4.4, 6.0] {
                let mut monitor = Monitor::new(spending, A).unwrap();
                for (look, time) in times.into_iter().enumerate() {
                    monitor.look(time, z, 1.0).unwrap();
                    let (exact, read) = (monitor.repeated_p().unwrap(), table.p(look, z));
                    if exact.p() < 0.9 && exact.p() > 1e-14 {
                        assert!(
                            (read.ln() - exact.ln()).abs() < 5e-3,
                            "{spending:?} {look} {z}: {} v {}",
                            read.p(),
                            exact.p()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_bound_and_its_p_value_are_inverse() {
        let table = Boundaries::of(Spending::OBrienFleming, A, &[0.3, 0.5, 1.0]).unwrap();
        for level in [0.2, 0.05, 0.025, 0.0125, 1e-4, 1e-9] {
            for look in 0..3 {
                let Some(bound) = table.bound(look, Alpha::new(level).unwrap()) else {
                    assert!(look == 0 && level < 1e-6, "{level} is spent at look {look}");
                    continue;
                };
                assert!(
                    (table.p(look, bound).ln() - f64::ln(level)).abs() < 1e-6,
                    "{level} {look}"
                );
            }
        }
    }

    #[test]
    fn far_tails_go_on() {
        let table = Boundaries::of(Spending::OBrienFleming, A, &[0.5, 1.0]).unwrap();
        let p: Vec<f64> = [8.0, 9.0, 12.0, 20.0, 36.0].map(|z| table.p(1, z).ln()).into();
        assert!(p.windows(2).all(|pair| pair[1] < pair[0]), "{p:?}");
        assert!((p[3] - normal_sf(20.0).unwrap().two_sided().ln()).abs() < 1.0, "{p:?}");
        assert_eq!(table.p(0, 0.0), Tail::CERTAIN);
    }

    #[test]
    fn a_tail_and_its_z() {
        for z in [0.1, 1.0, 5.0, 30.0, 45.0, 300.0] {
            assert!((z_of(normal_sf(z).unwrap()) / z - 1.0).abs() < 1e-3, "{z}");
        }
    }
}
