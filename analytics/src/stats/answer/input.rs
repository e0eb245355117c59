//! The parts that inputs have in common.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use crate::stats::{Alpha, Arm, Comparison, NoAnswer, Proportion, summary::MAX_COUNT};

/// A whole number, also when it comes as `1e9`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        #[allow(clippy::cast_precision_loss, reason = "2^53 is exact")]
        let fits = number >= 0.0 && number <= MAX_COUNT as f64 && number.fract() == 0.0;
        if !fits {
            return Err(D::Error::custom("a count must be a whole number from 0 to 2^53"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        Ok(Self(number as u64))
    }
}

/// A level; 5 % unless given.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Level(f64);

impl Default for Level {
    fn default() -> Self {
        Self(Alpha::FIVE_PERCENT.get())
    }
}

impl Level {
    pub(crate) fn alpha(self) -> Result<Alpha, NoAnswer> {
        Alpha::new(self.0)
    }

    /// The two-sided level with the same critical value as this one with so many sides.
    pub(crate) fn two_sided(self, sides: Sided) -> Result<Alpha, NoAnswer> {
        Alpha::new(match sides.0 {
            1 => 2.0 * self.0,
            _ => self.0,
        })
    }

    pub(crate) const fn get(self) -> f64 {
        self.0
    }
}

/// One side or two; two unless given.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sided(pub(crate) u8);

impl Default for Sided {
    fn default() -> Self {
        Self(2)
    }
}

#[derive(Deserialize)]
pub(crate) struct Means {
    pub(crate) n: [Count; 2],
    pub(crate) mean: [f64; 2],
    pub(crate) variance: [f64; 2],
}

impl Means {
    pub(crate) fn arms(&self) -> Result<[Arm; 2], NoAnswer> {
        let arm = |i: usize| Arm::new(self.n[i].0, self.mean[i], self.variance[i]);
        Ok([arm(0)?, arm(1)?])
    }
}

#[derive(Deserialize)]
pub(crate) struct Conversions {
    conversions: Vec<Count>,
    n: Vec<Count>,
}

impl Conversions {
    pub(crate) fn arms(&self) -> Result<Vec<Proportion>, NoAnswer> {
        if self.conversions.len() != self.n.len() {
            return Err(NoAnswer::InvalidInput {
                what: "there must be as many conversions as arms",
            });
        }
        self.conversions.iter().zip(&self.n).map(|(x, n)| Proportion::new(x.0, n.0)).collect()
    }

    pub(crate) fn two(&self) -> Result<[Proportion; 2], NoAnswer> {
        match self.arms()?[..] {
            [control, treatment] => Ok([control, treatment]),
            _ => Err(NoAnswer::InvalidInput { what: "there must be two arms" }),
        }
    }
}

/// The keys of a comparison, each with a prefix.
pub(crate) fn comparison(prefix: &str, comparison: &Comparison) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: f64| fields.insert(format!("{prefix}{key}"), value.into());
    put("estimate", comparison.estimate);
    put("se", comparison.se);
    put("statistic", comparison.statistic);
    put("df", comparison.df);
    put("p_value", comparison.p.p());
    put("log10_p", comparison.p.log10());
    put("ci_lower", comparison.interval.lower);
    put("ci_upper", comparison.interval.upper);
    fields
}

/// Adds the keys of an object.
pub(crate) fn extend(fields: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}
