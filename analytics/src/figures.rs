//! The figures that results are made of: who was exposed, and the sufficient statistics of every metric, as of a
//! position of the telemetry.
//!
//! They are what the store keeps and the report reads. Sums are exact integers ([`Sums`]), so they come out the same
//! bit for bit in whatever order and portions events arrived, and nothing cancels.

mod exact;
mod quantile;
mod sums;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use quantile::QuantileFigures;
pub use sums::{MalformedSums, PRODUCTS, QUANTITIES, Sums, UNITS, product_index};

/// Everything the results are made of, as of a telemetry position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Everything up to here is counted.
    pub telemetry_position: u64,
    /// When the newest of it was received.
    pub as_of: Timestamp,
    /// Number of the iteration.
    pub iteration: u32,
    /// Who was exposed.
    pub exposures: Exposures,
    /// Cumulative states: the closed time steps, oldest first, then the newest state, which is always there.
    pub points: Vec<Point>,
}

impl Figures {
    /// The newest state.
    #[must_use]
    pub fn newest(&self) -> Option<&Point> {
        self.points.last()
    }
}

/// Who was exposed in the iteration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exposures {
    /// Users by arm; those seen in several variations are left out.
    pub users: Vec<u64>,
    /// Users seen in more than one variation.
    pub several: u64,
    /// Users of one variation that is no arm.
    pub foreign: u64,
    /// Exposures, each counted once.
    pub events: u64,
    /// Exposures that senders say they have made. Like the next two, over the whole life of the experiment, because
    /// senders do not count by iteration; absent if no sender counts.
    pub sent: Option<u64>,
    /// Those of them that were taken.
    pub accepted: Option<u64>,
    /// Exposures of senders that count which can be read now, each counted once.
    pub stored: u64,
    /// Users by the time step of their first exposure, oldest first, the newest step last. They add up to `users`.
    pub by_step: Vec<StepUsers>,
}

/// The users whose first exposure lies in a time step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUsers {
    /// The end of the step; of the newest one, the time the figures are as of.
    pub at: Timestamp,
    /// By arm.
    pub users: Vec<u64>,
}

/// The state at a point in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The end of the step: everything received before is counted. Of the newest state, when the newest event was
    /// received, which is counted too.
    pub at: Timestamp,
    /// Everything up to here is counted.
    pub telemetry_position: u64,
    /// Whether this is the newest state; all others will not change any more.
    pub last: bool,
    /// Users by arm; those seen in several variations are left out.
    pub users: Vec<u64>,
    /// The metrics, in the order of the plan.
    pub metrics: Vec<MetricFigures>,
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricFigures {
    /// By arm, in the order of the plan.
    pub whole: Vec<ArmFigures>,
    /// By attribute and value: in the order of the plan, then the values with most users first, then what is left as
    /// [`OTHER`]. Only in the newest state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdowns: Vec<Breakdown>,
}

/// The value under which the rare values of an attribute are put together.
pub const OTHER: &str = "…other";

/// A metric among the users with one value of an attribute at their first exposure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// The attribute.
    pub attribute: String,
    /// Its value; empty for users without one.
    pub value: String,
    /// By arm.
    pub arms: Vec<ArmFigures>,
}

/// What is known of a metric in an arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "nearly all are sums, and there are few")]
pub enum ArmFigures {
    /// Sums over users.
    Sums(Sums),
    /// A quantile over the values of single events.
    Quantile(QuantileFigures),
    /// No user counts yet; or, of a closed step, the metric was defined later and the step is not computed yet.
    #[default]
    Nothing,
}

impl ArmFigures {
    /// The sums, if it is sums.
    #[must_use]
    pub const fn sums(&self) -> Option<&Sums> {
        if let Self::Sums(sums) = self { Some(sums) } else { None }
    }

    /// The quantile, if it is one.
    #[must_use]
    pub const fn quantile(&self) -> Option<&QuantileFigures> {
        if let Self::Quantile(quantile) = self { Some(quantile) } else { None }
    }
}
