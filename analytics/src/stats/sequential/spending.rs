//! Alpha spending: looks at any information, none of them planned to the day (Lan and DeMets 1983, Biometrika 70:659).

use serde::Serialize;

use super::recursion::Recursion;
use crate::stats::no_answer::{NoAnswer, require};
use crate::stats::special::{normal_isf, normal_sf};
use crate::stats::{Alpha, root};

/// A look must have this share more information than the last one, or it counts as the same look.
pub const SMALLEST_STEP: f64 = 1e-3;
/// Spending less than this at a look is spending nothing: no experiment is stopped there.
const SMALLEST_SPEND: f64 = 1e-30;
/// Nine sigma and more are no boundary; the walk does not resolve them either.
const NO_BOUNDARY: f64 = 37.0;

/// How much of alpha may be spent by information fraction `t`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Spending {
    /// O'Brien–Fleming type, each side spending half: `4 (1 - Φ(z(1-α/4) / √t))` (Lan and DeMets 1983; the convention of
    /// rpact, gsDesign and ldbounds). The default.
    OBrienFleming,
    /// O'Brien–Fleming type of both sides together: `2 (1 - Φ(z(1-α/2) / √t))` (Jennison and Turnbull 2000, 7.2). Spends
    /// more early.
    OBrienFlemingJoint,
    /// Pocock type: `α ln(1 + (e - 1) t)`.
    Pocock,
    /// `α t^rho` (Kim and DeMets 1987, Biometrika 74:149).
    Power {
        /// The exponent, above zero.
        rho: f64,
    },
}

/// Whether a boundary has two sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// `|Z|` is compared.
    #[default]
    Two,
    /// `Z` is compared, and alpha is one-sided.
    One,
}

impl Spending {
    /// The cumulative alpha spent at `t`, which is cut to 0 to 1.
    #[must_use]
    pub fn spent(&self, t: f64, alpha: Alpha, sides: Sides) -> f64 {
        let (t, alpha) = (t.clamp(0.0, 1.0), alpha.get());
        if t <= 0.0 {
            return 0.0;
        }
        if t >= 1.0 {
            return alpha;
        }
        let tail = |p: f64| 0.5 * libm::erfc(normal_isf(p) / t.sqrt() / std::f64::consts::SQRT_2);
        match (self, sides) {
            (Self::OBrienFleming, Sides::Two) => 4.0 * tail(alpha / 4.0),
            (Self::OBrienFleming | Self::OBrienFlemingJoint, _) => 2.0 * tail(alpha / 2.0),
            (Self::Pocock, _) => alpha * ((std::f64::consts::E - 1.0) * t).ln_1p(),
            (Self::Power { rho }, _) => alpha * t.powf(*rho),
        }
    }

    /// Whether the parameters make a spending function.
    ///
    /// # Errors
    /// Invalid unless the exponent of a power is above 0 and at most 100.
    pub fn check(&self) -> Result<(), NoAnswer> {
        match self {
            Self::Power { rho } => {
                require(*rho > 0.0 && *rho <= 100.0, "the exponent must lie above 0, at most 100")
            }
            Self::OBrienFleming | Self::OBrienFlemingJoint | Self::Pocock => Ok(()),
        }
    }
}

/// What a look may do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Boundary {
    /// The information fraction that counts: at most 1, never less than before.
    pub time: f64,
    /// Cumulative alpha spent.
    pub spent: f64,
    /// The boundary of Z; `None` when the look spends nothing.
    pub z: Option<f64>,
}

/// Boundaries, look after look.
#[derive(Clone, Debug)]
pub struct Boundaries {
    spending: Spending,
    alpha: Alpha,
    sides: Sides,
    walk: Recursion,
    time: f64,
    spent: f64,
}

impl Boundaries {
    /// No look yet.
    ///
    /// # Errors
    /// Those of [`Spending::check`].
    pub fn new(spending: Spending, alpha: Alpha, sides: Sides) -> Result<Self, NoAnswer> {
        spending.check()?;
        Ok(Self { spending, alpha, sides, walk: Recursion::new(0.0), time: 0.0, spent: 0.0 })
    }

    /// A look at information fraction `t`. More than planned counts as 1; a look without new information (less than
    /// [`SMALLEST_STEP`] more) spends nothing and has no boundary.
    ///
    /// # Errors
    /// Invalid when `t` is NaN or negative.
    pub fn look(&mut self, t: f64) -> Result<Boundary, NoAnswer> {
        require(t >= 0.0, "an information fraction must not be negative")?;
        let t = t.min(1.0);
        let nothing = Boundary { time: self.time.max(t), spent: self.spent, z: None };
        if t <= 0.0 || t < self.time * (1.0 + SMALLEST_STEP) && (t < 1.0 || t <= self.time) {
            return Ok(Boundary { time: self.time, ..nothing });
        }
        let spent = self.spending.spent(t, self.alpha, self.sides);
        let increment = spent - self.spent;
        // A last step to 1 that is tiny is taken as large enough for the recursion.
        self.walk.begin(t.max(self.time * (1.0 + SMALLEST_STEP)));
        self.time = t;
        let side = match self.sides {
            Sides::Two => 0.5 * increment,
            Sides::One => increment,
        };
        let z = (side > SMALLEST_SPEND).then(|| {
            let target = side.ln();
            root::find(|c| self.walk.above(c).max(1e-320).ln() - target, -NO_BOUNDARY, NO_BOUNDARY)
        });
        let bound = z.unwrap_or(f64::INFINITY);
        self.walk.go_on_within(
            match self.sides {
                Sides::Two => -bound,
                Sides::One => f64::NEG_INFINITY,
            },
            bound,
        );
        if z.is_some() {
            self.spent = spent;
        }
        Ok(Boundary { time: t, spent, z })
    }

    /// The probability to have come to the current look and to be above `z` there, on one side.
    #[must_use]
    pub fn above(&self, z: f64) -> f64 {
        self.walk.above(z)
    }
}

/// The boundaries of looks at the given information fractions.
///
/// # Errors
/// Those of [`Boundaries::look`]; invalid above 400 looks.
pub fn boundaries(
    spending: Spending,
    alpha: Alpha,
    sides: Sides,
    information: &[f64],
) -> Result<Vec<Boundary>, NoAnswer> {
    require(information.len() <= 400, "there must be at most 400 looks")?;
    let mut boundaries = Boundaries::new(spending, alpha, sides)?;
    information.iter().map(|&t| boundaries.look(t)).collect()
}

/// The nominal two-sided level of a boundary.
///
/// # Errors
/// When `z` is NaN.
pub fn nominal_alpha(z: f64) -> Result<f64, NoAnswer> {
    Ok(normal_sf(z.abs())?.two_sided().p())
}
