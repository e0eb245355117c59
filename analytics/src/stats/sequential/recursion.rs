//! The distribution of a test statistic that is looked at several times.
//!
//! Under independent increments `Z_k` are jointly normal with `corr(Z_i, Z_j) = √(t_i / t_j)`, so that the density of
//! "still running, and `Z_k = z`" follows from that of the look before by one integral (Armitage, McPherson and Rowe 1969,
//! JRSS A 132:235), here on Gauss–Legendre nodes as fine as the next step needs.

use std::f64::consts::PI;

use crate::stats::special::{normal_density, normal_upper, rule};

/// Beyond nine standard deviations there is 1e-19.
const REACH: f64 = 9.0;

/// Walks along the looks.
#[derive(Clone, Debug)]
pub(crate) struct Recursion {
    drift: f64,
    /// The sub-density before the current look, as (value less its mean, weight).
    nodes: Vec<(f64, f64)>,
    before: f64,
    time: f64,
    /// Where the current look goes on.
    region: (f64, f64),
    started: bool,
}

impl Recursion {
    /// A walk whose statistic has mean `drift √t`.
    pub(crate) const fn new(drift: f64) -> Self {
        Self {
            drift,
            nodes: Vec::new(),
            before: 0.0,
            time: 0.0,
            region: (0.0, 0.0),
            started: false,
        }
    }

    /// Goes to the look at information `time`, larger than the last.
    pub(crate) fn begin(&mut self, time: f64) {
        if self.started {
            let mean = self.mean(self.time);
            let low = self.region.0.max(mean - REACH);
            let high = self.region.1.min(mean + REACH);
            let next = if high > low {
                let kernel = ((time - self.time) / self.time).sqrt().min(1.0);
                let (half, middle) = (0.5 * (high - low), 0.5 * (high + low));
                rule(20.0 + 4.1 * half / kernel)
                    .iter()
                    .map(|(x, weight)| {
                        let z = middle + half * x - mean;
                        (z, half * weight * self.density(z))
                    })
                    .collect()
            } else {
                Vec::new()
            };
            self.nodes = next;
            self.before = self.time;
        }
        self.started = true;
        self.time = time;
    }

    /// Decides that the experiment goes on between `low` and `high`.
    pub(crate) const fn go_on_within(&mut self, low: f64, high: f64) {
        self.region = (low, high);
    }

    /// The probability of being here still, and above `c`.
    pub(crate) fn above(&self, c: f64) -> f64 {
        let c = c - self.mean(self.time);
        if self.before <= 0.0 {
            return normal_upper(c);
        }
        let (carry, scale) = self.kernel();
        self.nodes.iter().map(|(z, weight)| weight * normal_upper((c - z * carry) / scale)).sum()
    }

    /// The probability of being here still, and below `c`.
    pub(crate) fn below(&self, c: f64) -> f64 {
        let c = c - self.mean(self.time);
        if self.before <= 0.0 {
            return normal_upper(-c);
        }
        let (carry, scale) = self.kernel();
        self.nodes.iter().map(|(z, weight)| weight * normal_upper((z * carry - c) / scale)).sum()
    }

    fn mean(&self, time: f64) -> f64 {
        self.drift * time.sqrt()
    }

    /// How much of the last value is in this one, and the standard deviation of the rest.
    fn kernel(&self) -> (f64, f64) {
        let share = self.before / self.time;
        (share.sqrt(), ((self.time - self.before) / self.time).sqrt())
    }

    /// The sub-density at `z`, relative to the mean.
    fn density(&self, z: f64) -> f64 {
        if self.before <= 0.0 {
            return normal_density(z);
        }
        let (carry, scale) = self.kernel();
        let inverse = 1.0 / scale;
        let sum: f64 = self
            .nodes
            .iter()
            .map(|(from, weight)| {
                let step = (z - from * carry) * inverse;
                weight * (-0.5 * step * step).exp()
            })
            .sum();
        sum * inverse / (2.0 * PI).sqrt()
    }
}

/// The probabilities to cross the upper and the lower boundary, `±bounds`, at any look.
pub(crate) fn crossing(bounds: &[f64], times: &[f64], drift: f64) -> (f64, f64) {
    let mut walk = Recursion::new(drift);
    let (mut up, mut down) = (0.0, 0.0);
    for (&bound, &time) in bounds.iter().zip(times) {
        walk.begin(time);
        let above = walk.above(bound);
        up += above;
        // Without drift both sides are the same.
        down += if drift == 0.0 { above } else { walk.below(-bound) };
        walk.go_on_within(-bound, bound);
    }
    (up, down)
}
