//! One line of the calibration page.

use std::fmt::{self, Display};

/// What was promised, what came out, and whether that is good enough.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) what: String,
    pub(crate) promised: f64,
    pub(crate) seen: f64,
    pub(crate) experiments: u32,
    pub(crate) gate: Gate,
}

#[derive(Clone, Copy)]
pub(crate) enum Gate {
    /// Within the 99.9 % band of the simulation.
    Band,
    /// Not above its upper end.
    AtMost,
    /// Within two percentage points.
    TwoPoints,
    /// Known to fail, which is why it is not the default: outside of the band.
    Fails,
    /// Shown, without a gate.
    Shown,
}

impl Row {
    pub(crate) fn new(
        (section, what): (&'static str, impl Into<String>),
        promised: f64,
        (hits, experiments): (u32, u32),
        gate: Gate,
    ) -> Self {
        let seen = f64::from(hits) / f64::from(experiments);
        Self { section, what: what.into(), promised, seen, experiments, gate }
    }

    /// Half of the band in which a true rate is seen in 99.9 % of simulations of 10,000 experiments (or fewer).
    fn half(&self) -> f64 {
        3.290_526_731
            * (self.promised * (1.0 - self.promised) / f64::from(self.experiments.min(10_000)))
                .sqrt()
    }

    pub(crate) fn holds(&self) -> bool {
        let off = self.seen - self.promised;
        match self.gate {
            Gate::Band => off.abs() <= self.half(),
            Gate::AtMost => off <= self.half(),
            Gate::TwoPoints => off.abs() <= 0.02,
            Gate::Fails => off.abs() > self.half(),
            Gate::Shown => true,
        }
    }

    pub(crate) fn allowed(&self) -> String {
        let (low, high) =
            (100.0 * (self.promised - self.half()), 100.0 * (self.promised + self.half()));
        match self.gate {
            Gate::Band if self.promised >= 1.0 => "always".to_owned(),
            Gate::Band => format!("{low:.2} to {high:.2}"),
            Gate::AtMost => format!("≤ {high:.2}"),
            Gate::TwoPoints => {
                format!("{:.1} to {:.1}", 100.0 * self.promised - 2.0, 100.0 * self.promised + 2.0)
            }
            Gate::Fails => "fails, as known".to_owned(),
            Gate::Shown => "–".to_owned(),
        }
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, what, promised, seen, experiments, .. } = self;
        write!(f, "{section}: {what}: {:.2} % of {experiments}", 100.0 * seen)?;
        write!(f, ", promised {:.2} %, allowed {}", 100.0 * promised, self.allowed())
    }
}

/// Whether p-values are uniform: one "experiment" that hits when Kolmogorov's distance is below its 99.9 % point.
pub(crate) fn uniform(section: &'static str, what: &str, mut p: Vec<f64>) -> Row {
    p.sort_unstable_by(f64::total_cmp);
    let n = p.len() as f64;
    let distance = p
        .iter()
        .enumerate()
        .map(|(i, p)| (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs()))
        .fold(0.0, f64::max);
    let within = distance < 1.9495 / n.sqrt();
    let what = format!("{what}: p-values are uniform (Kolmogorov {distance:.4})");
    Row::new((section, what), 1.0, (u32::from(within), 1), Gate::Band)
}
