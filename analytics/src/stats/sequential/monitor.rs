//! The record of an experiment's looks under alpha spending: what was seen, what it spent, and what may be concluded.

use serde::Serialize;

use super::spending::{Boundaries, Boundary, Sides, Spending};
use crate::stats::no_answer::{NoAnswer, finite, require};
use crate::stats::special::normal_sf;
use crate::stats::{Alpha, Interval, Tail, root};

/// The looks so far.
#[derive(Clone, Debug)]
pub struct Monitor {
    spending: Spending,
    alpha: Alpha,
    boundaries: Boundaries,
    looks: Vec<Look>,
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Look {
    /// Information fraction, alpha spent and boundary.
    pub boundary: Boundary,
    /// Estimate over standard error.
    pub z: f64,
    /// `d ± c_k se` (Jennison and Turnbull 1989); `None` when the look spends nothing.
    pub interval: Option<Interval>,
    /// Whether the boundary was reached, here or before.
    pub crossed: bool,
    /// The stage-wise p-value: the probability without effect to have stopped earlier, or here with at least this `|z|`
    /// (Tsiatis, Rosner and Mehta 1984, Biometrics 40:797). Final once the boundary is reached.
    pub stagewise_p: Tail,
}

impl Monitor {
    /// No look yet, with two-sided boundaries.
    ///
    /// # Errors
    /// Those of [`Spending::check`].
    pub fn new(spending: Spending, alpha: Alpha) -> Result<Self, NoAnswer> {
        let boundaries = Boundaries::new(spending, alpha, Sides::Two)?;
        Ok(Self { spending, alpha, boundaries, looks: Vec::new() })
    }

    /// Records a look.
    ///
    /// # Errors
    /// [`NoAnswer::NoVariance`] with a standard error of zero; invalid when a number is not finite, the information
    /// fraction negative, or there have been 400 looks. An error records nothing.
    pub fn look(&mut self, information: f64, estimate: f64, se: f64) -> Result<&Look, NoAnswer> {
        require(
            estimate.is_finite() && se.is_finite() && se >= 0.0,
            "estimate and error must be finite",
        )?;
        require(self.looks.len() < 400, "there must be at most 400 looks")?;
        if se <= 0.0 {
            return Err(NoAnswer::NoVariance);
        }
        let z = finite(estimate / se)?;
        let before = self.looks.last().map_or(0.0, |look| look.boundary.spent);
        let boundary = self.boundaries.look(information)?;
        let interval = match boundary.z {
            Some(bound) => Some(Interval::around(estimate, finite(bound * se)?)),
            None => None,
        };
        let stopped = self.looks.last().filter(|look| look.crossed);
        let stagewise_p = match (stopped, boundary.z) {
            (Some(look), _) => look.stagewise_p,
            (None, Some(_)) => Tail::from_p(before + 2.0 * self.boundaries.above(z.abs())),
            (None, None) => Tail::CERTAIN,
        };
        let crossed = stopped.is_some() || boundary.z.is_some_and(|bound| z.abs() >= bound);
        self.looks.push(Look { boundary, z, interval, crossed, stagewise_p });
        Ok(&self.looks[self.looks.len() - 1])
    }

    /// The looks, oldest first.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// The level.
    #[must_use]
    pub const fn alpha(&self) -> Alpha {
        self.alpha
    }

    /// The repeated p-value of the last look: the alpha whose boundary its `|z|` would just reach (Jennison and Turnbull
    /// 1984). Valid whether or not the experiment stops. Tens of boundary computations: not for every refresh.
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] without a look.
    pub fn repeated_p(&self) -> Result<Tail, NoAnswer> {
        let last = self.looks.last().ok_or(NoAnswer::TooFew)?;
        let reaches = |ln_alpha: f64| {
            let Ok(alpha) = Alpha::new(ln_alpha.exp()) else { return -1.0 };
            let Ok(mut boundaries) = Boundaries::new(self.spending, alpha, Sides::Two) else {
                return -1.0;
            };
            let mut bound = None;
            for look in &self.looks {
                if let Ok(boundary) = boundaries.look(look.boundary.time) {
                    // A look without new information leaves the last boundary standing.
                    bound = boundary.z.or(bound);
                }
            }
            last.z.abs() - bound.unwrap_or(40.0)
        };
        // Never below the p-value of a single look.
        let floor = normal_sf(last.z.abs())?.two_sided().ln().max(-60.0);
        let top = -1e-6;
        if floor >= top || reaches(top) <= 0.0 {
            return Ok(Tail::CERTAIN);
        }
        Ok(Tail::from_ln(root::find(reaches, floor, top)))
    }
}
