//! Designs with a fixed number of equally spaced looks: Pocock and O'Brien–Fleming.

use serde::Serialize;

use super::recursion::crossing;
use crate::stats::no_answer::{NoAnswer, finite, require};
use crate::stats::special::{normal_isf, normal_sf};
use crate::stats::{Alpha, Interval, Tail, root};

/// More looks than this take seconds to compute; plan fewer, or use [`super::always_valid`].
pub const MAX_LOOKS: u16 = 400;

/// The shape of the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The same `|Z| >= C` at every look (Pocock 1977, Biometrika 64:191). Stops early, costs 23 % more sample at five
    /// looks.
    Pocock,
    /// `|Z_k| >= C √(K/k)` (O'Brien and Fleming 1979, Biometrics 35:549). Costs 3 % at five looks.
    OBrienFleming,
}

/// How many looks, of which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Design {
    shape: Shape,
    looks: u16,
}

impl Design {
    /// A design.
    ///
    /// # Errors
    /// Invalid unless there are 1 to [`MAX_LOOKS`] looks.
    pub fn new(shape: Shape, looks: u16) -> Result<Self, NoAnswer> {
        require((1..=MAX_LOOKS).contains(&looks), "there must be 1 to 400 looks")?;
        Ok(Self { shape, looks })
    }

    /// How many looks.
    #[must_use]
    pub const fn looks(&self) -> u16 {
        self.looks
    }

    /// The constant `C` at which a design without effect crosses with probability alpha (Jennison and Turnbull 2000,
    /// "Group Sequential Methods", tables 2.1 and 2.3). Milliseconds: keep it.
    #[must_use]
    pub fn constant(&self, alpha: Alpha) -> f64 {
        if self.looks == 1 {
            return alpha.z();
        }
        let target = alpha.get().ln();
        // No design has a smaller constant than a single look, and Bonferroni is an upper end.
        let low = alpha.z();
        let high = normal_isf(alpha.get() / (2.0 * f64::from(self.looks))).min(38.0);
        root::find(|c| self.probability(c, 0.0).0.ln() - target, low, high)
    }

    /// The boundary of each look.
    #[must_use]
    pub fn boundaries(&self, constant: f64) -> Vec<f64> {
        let looks = f64::from(self.looks);
        (1..=self.looks)
            .map(|k| match self.shape {
                Shape::Pocock => constant,
                Shape::OBrienFleming => constant * (looks / f64::from(k)).sqrt(),
            })
            .collect()
    }

    /// The repeated p-value at a look: the alpha whose boundary `|z|` would just reach (Jennison and Turnbull 1984,
    /// Controlled Clinical Trials 5:33). Valid at every look.
    ///
    /// # Errors
    /// Invalid unless `look` is one of the design's, and `z` finite.
    pub fn repeated_p(&self, look: u16, z: f64) -> Result<Tail, NoAnswer> {
        require((1..=self.looks).contains(&look), "the look must be one of the design")?;
        let z = finite(z)?.abs();
        let constant = match self.shape {
            Shape::Pocock => z,
            Shape::OBrienFleming => z * (f64::from(look) / f64::from(self.looks)).sqrt(),
        };
        if constant > 8.0 {
            // A tail that the recursion cannot resolve: Bonferroni's bound is sharp there.
            let bounds = self.boundaries(constant);
            let tails = bounds.iter().map(|bound| normal_sf(*bound).map(Tail::ln));
            let largest = tails.collect::<Result<Vec<_>, _>>()?;
            let top = largest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = largest.iter().map(|ln| (ln - top).exp()).sum();
            return Ok(Tail::from_ln(top + sum.ln()).two_sided());
        }
        Ok(Tail::from_p(self.probability(constant, 0.0).0))
    }

    /// The repeated interval at a look, `d ± c_k se` (Jennison and Turnbull 1989, JRSS B 51:305): all of them cover at
    /// once.
    ///
    /// # Errors
    /// Invalid unless `look` is one of the design's; [`NoAnswer::NoVariance`] with a standard error of zero.
    pub fn repeated_interval(
        &self,
        look: u16,
        estimate: f64,
        se: f64,
        alpha: Alpha,
    ) -> Result<Interval, NoAnswer> {
        require((1..=self.looks).contains(&look), "the look must be one of the design")?;
        require(
            estimate.is_finite() && se.is_finite() && se >= 0.0,
            "estimate and error must be finite",
        )?;
        if se <= 0.0 {
            return Err(NoAnswer::NoVariance);
        }
        let bound = self.boundaries(self.constant(alpha))[usize::from(look) - 1];
        Ok(Interval::around(estimate, finite(bound * se)?))
    }

    /// What the looks cost: the factor by which the sample of a single look grows to keep its power (Jennison and
    /// Turnbull 2000, tables 2.2 and 2.4), as squared drifts.
    ///
    /// # Errors
    /// Invalid unless power lies above alpha and below 1 - 1e-9.
    pub fn inflation(&self, alpha: Alpha, power: f64) -> Result<Inflation, NoAnswer> {
        require(
            power > alpha.get() && power < 1.0 - 1e-9,
            "power must lie between alpha and 1, exclusive",
        )?;
        let constant = self.constant(alpha);
        let z = alpha.z();
        let fixed = z + normal_isf(1.0 - power);
        let fixed_both =
            root::find(|drift| single_power(z, drift) - power, 0.0, 2.0 * fixed.abs() + 10.0);
        let high = 3.0 * fixed.abs() + 10.0;
        let right = root::find(|drift| self.probability(constant, drift).1 - power, 0.0, high);
        let both = root::find(|drift| self.probability(constant, drift).0 - power, 0.0, high);
        Ok(Inflation { factor: (right / fixed).powi(2), both_sides: (both / fixed_both).powi(2) })
    }

    /// The probability to cross either boundary, and the upper one, with the mean `drift` at the last look.
    #[must_use]
    pub fn probability(&self, constant: f64, drift: f64) -> (f64, f64) {
        let (up, down) = crossing(&self.boundaries(constant), &equal(self.looks), drift);
        ((up + down).min(1.0), up)
    }
}

/// How much the sample grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Inflation {
    /// Counting a stop in the right direction only.
    pub factor: f64,
    /// Counting a stop in the wrong direction as power, as some tables do.
    pub both_sides: f64,
}

/// The probability that `|Z|` reaches `z` at one of so many equally spaced looks without any correction (Armitage,
/// McPherson and Rowe 1969): what peeking costs.
///
/// # Errors
/// Invalid unless there are 1 to [`MAX_LOOKS`] looks.
pub fn peeking(looks: u16, z: f64) -> Result<f64, NoAnswer> {
    let design = Design::new(Shape::Pocock, looks)?;
    Ok(design.probability(finite(z)?.abs(), 0.0).0)
}

fn single_power(z: f64, drift: f64) -> f64 {
    use crate::stats::special::normal_upper;
    normal_upper(z - drift) + normal_upper(z + drift)
}

fn equal(looks: u16) -> Vec<f64> {
    (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect()
}
