//! What the analysis must know of an experiment: how it is run and what it is measured by.
//!
//! Whoever runs the analysis reads this from the log's projections, as of some position; nothing here knows where
//! from. Two analyses with the same plan and the same telemetry position give the same numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An experiment, as of a position of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentPlan {
    /// Its id.
    pub id: Uuid,
    /// Its key, unique in the project; exposures name it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Its version, which counts its commits.
    pub version: u64,
    /// The position of the log this is as of, a decimal string.
    pub position: String,
    /// The organization's id.
    pub organization: Uuid,
    /// The project's id.
    pub project: Uuid,
    /// The id of the environment it runs in; telemetry is kept by it.
    pub environment: Uuid,
    /// Key of the flag it is about.
    pub flag: String,
    /// The flag's version at that position.
    pub flag_version: u64,
    /// Where it is in its life.
    pub status: Status,
    /// Who gets what by the design as it is now, the control first; a draft has no iteration yet.
    pub arms: Vec<Arm>,
    /// The share of users that takes part by the design as it is now, between 0 and 1.
    pub traffic: f64,
    /// The attribute that is bucketed in place of the targeting key. The analysis counts users all the same, and says so.
    #[serde(default)]
    pub bucket_by: Option<String>,
    /// Its iterations, oldest first; none before it is started.
    pub iterations: Vec<Iteration>,
    /// What it is measured by.
    pub metrics: Vec<MetricUse>,
    /// How it is analysed.
    pub analysis: Analysis,
}

/// Where an experiment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started.
    Draft,
    /// Serving.
    Running,
    /// Not serving for a while.
    Paused,
    /// Not serving any more.
    Stopped,
    /// Stopped, and someone has said what follows.
    Decided,
}

/// A time in which the allocation did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// Counted from 1.
    pub number: u32,
    /// Exposures of it name this rule: `<experiment>:<number>`.
    pub rule: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while it goes on.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// Who gets what; the control is first.
    pub arms: Vec<Arm>,
}

/// A variation that takes part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Key of the variation.
    pub variation: String,
    /// Its share of those who take part, in thousandths of a percent; may be 0.
    pub weight: u32,
}

/// A metric and what it is for in this experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricUse {
    /// Which.
    pub metric: Metric,
    /// What for.
    pub role: Role,
}

/// What a metric is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Role {
    /// Decides.
    Primary,
    /// Explains.
    Secondary,
    /// Must not get worse than by `margin`.
    Guardrail {
        /// The relative loss that is accepted, as a positive share: 0.01 is one percent.
        margin: f64,
    },
}

/// A metric's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its id.
    pub id: Uuid,
    /// Its key, unique in the project.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// The version of its definition, counted from 1. It changes only when the numbers would.
    pub version: u32,
    /// What is computed from a user's events.
    pub kind: MetricKind,
    /// What the values are in, such as `EUR` or `ms`; empty if they are counts or shares.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// How far outliers are cut.
    #[serde(default)]
    pub cap: Option<Cap>,
    /// How long after a user's first exposure events count, in hours; absent means as long as the iteration goes on.
    #[serde(default)]
    pub window_hours: Option<u32>,
    /// How many days before the first exposure the covariate of CUPED is taken from; 0 means no CUPED.
    pub covariate_days: u32,
}

/// What is computed from a user's events. `event` is the name in metric events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MetricKind {
    /// Whether the user has any such event: 0 or 1.
    Binomial {
        /// Which.
        event: String,
    },
    /// The sum of the values, 0 for users without any.
    Mean {
        /// Of which.
        event: String,
    },
    /// How many events, 0 for users without any.
    Count {
        /// Of which.
        event: String,
    },
    /// The sum of one over the sum of another, over all users: revenue by order.
    Ratio {
        /// Above the line.
        numerator: Term,
        /// Below the line.
        denominator: Term,
    },
    /// A quantile of the values of single events; users are the clusters.
    Quantile {
        /// Of which.
        event: String,
        /// Which quantile, between 0 and 1.
        q: f64,
    },
    /// Whether the user has such an event between two ages, in days since the first exposure: 0 or 1. Only users
    /// who have reached the upper age count.
    Retention {
        /// Which.
        event: String,
        /// From this age, in days.
        from_day: u32,
        /// Below this age, in days.
        to_day: u32,
    },
    /// Whether the user has gone through all steps in their order: 0 or 1.
    Funnel {
        /// The names of the steps, at least two.
        steps: Vec<String>,
    },
}

/// One side of a ratio, by user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// Of which events.
    pub event: String,
    /// The sum of their values, or how many they are.
    pub take: Take,
}

/// What is taken of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The sum of the values.
    Sum,
    /// How many.
    Count,
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// How far outliers are cut: what a user has above this counts as this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Cap {
    /// At a value.
    Value {
        /// Which.
        value: f64,
    },
    /// At a percentile of all users of all arms who have more than nothing.
    Percentile {
        /// Between 0 and 1.
        p: f64,
    },
}

/// How an experiment is analysed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The false positive rate, two-sided.
    pub alpha: f64,
    /// The power it is planned with.
    pub power: f64,
    /// How looking more than once is paid for.
    pub method: Method,
    /// How many users are planned in all; absent means no horizon, and the always-valid band decides.
    #[serde(default)]
    pub planned_users: Option<u64>,
    /// How many hours lie between two planned looks, counted from the start of the iteration.
    pub look_every_hours: u32,
    /// The smallest relative effect worth finding, as a share; what power is said for.
    #[serde(default)]
    pub minimum_effect: Option<f64>,
    /// How the p-values of several metrics and variations are corrected.
    pub correction: Correction,
    /// Attributes of exposures to break results down by.
    #[serde(default)]
    pub breakdowns: Vec<String>,
}

/// How looking more than once is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Lan–DeMets spending of O'Brien–Fleming type: strict early, nearly free at the end. The default.
    ObrienFleming,
    /// Lan–DeMets spending of Pocock type: stops earlier, needs more users.
    Pocock,
    /// Asymptotic confidence sequences: look whenever you like.
    AlwaysValid,
    /// One look, when the planned users are there.
    Fixed,
}

/// How several p-values are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Not at all.
    None,
    /// Bonferroni.
    Bonferroni,
    /// Holm. The default.
    Holm,
    /// Hochberg.
    Hochberg,
    /// Benjamini–Hochberg: the false discovery rate.
    BenjaminiHochberg,
}

impl ExperimentPlan {
    /// Whether any of its metrics is a guardrail.
    #[must_use]
    pub fn has_guardrails(&self) -> bool {
        self.metrics.iter().any(|used| matches!(used.role, Role::Guardrail { .. }))
    }
}
