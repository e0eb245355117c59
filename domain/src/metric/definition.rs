//! What a metric computes. Shares are percent and values decimals, so that nothing here is a float.

use std::collections::BTreeSet;

use ff_evaluator::Weight;
use serde::{Deserialize, Serialize};

use crate::{Decimal, Problem};

/// Most characters of an event's name.
pub const EVENT_MAX: usize = 128;
/// Most characters of a unit.
pub const UNIT_MAX: usize = 32;
/// Most steps of a funnel.
pub const FUNNEL_STEPS_MAX: usize = 20;
/// The longest conversion window, in hours: 400 days, as long as telemetry is kept.
pub const WINDOW_HOURS_MAX: u32 = 9_600;
/// The oldest age that retention asks for, in days.
pub const RETENTION_DAYS_MAX: u32 = 400;
/// The longest time before the exposure that a covariate is taken from, in days.
pub const COVARIATE_DAYS_MAX: u32 = 90;

/// What a metric computes. A change of it is a new version, because the numbers change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetricDefinition {
    /// What is computed from a user's events.
    pub kind: MetricKind,
    /// What the values are in, such as `EUR` or `ms`; empty if they are counts or shares.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// How far outliers are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Cap>,
    /// How long after a user's first exposure events count, in hours; absent means as long as the iteration goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_600))]
    pub window_hours: Option<u32>,
    /// How many days before the first exposure the covariate of CUPED is taken from; 0 means no CUPED.
    #[serde(default = "fourteen")]
    #[cfg_attr(feature = "openapi", schema(maximum = 90))]
    pub covariate_days: u32,
}

fn fourteen() -> u32 {
    14
}

/// What is computed from a user's events. `event` is the name in metric events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
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
        /// Which, in percent: 95 has 95 percent of the values below it.
        percentile: Weight,
    },
    /// Whether the user has such an event between two ages, in days since the first exposure: 0 or 1. Only users
    /// who have reached the upper age count.
    Retention {
        /// Which.
        event: String,
        /// From this age, in days.
        #[cfg_attr(feature = "openapi", schema(maximum = 400))]
        from_day: u32,
        /// Below this age, in days.
        #[cfg_attr(feature = "openapi", schema(maximum = 400))]
        to_day: u32,
    },
    /// Whether the user has gone through all steps in their order: 0 or 1.
    Funnel {
        /// The names of the steps, at least two.
        #[cfg_attr(feature = "openapi", schema(min_items = 2, max_items = 20))]
        steps: Vec<String>,
    },
}

/// One side of a ratio, by user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Of which events.
    pub event: String,
    /// The sum of their values, or how many they are.
    pub take: Take,
}

/// What is taken of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The sum of the values.
    Sum,
    /// How many.
    Count,
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// How far outliers are cut: what a user has above this counts as this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Cap {
    /// At a value.
    Value {
        /// Which.
        value: Decimal,
    },
    /// At a percentile of all users of all arms who have more than nothing.
    Percentile {
        /// Which, in percent.
        percentile: Weight,
    },
}

impl MetricDefinition {
    /// The names of all events it is computed from.
    pub fn events(&self) -> BTreeSet<&str> {
        match &self.kind {
            MetricKind::Binomial { event }
            | MetricKind::Mean { event }
            | MetricKind::Count { event }
            | MetricKind::Quantile { event, .. }
            | MetricKind::Retention { event, .. } => BTreeSet::from([event.as_str()]),
            MetricKind::Ratio { numerator, denominator } => {
                BTreeSet::from([numerator.event.as_str(), denominator.event.as_str()])
            }
            MetricKind::Funnel { steps } => steps.iter().map(String::as_str).collect(),
        }
    }

    /// What is wrong with it, in an input where it stands at `at`.
    pub(super) fn check(&self, at: &str, problems: &mut Vec<Problem>) {
        self.kind.check(&format!("{at}/kind"), problems);
        if self.unit.chars().count() > UNIT_MAX || self.unit.chars().any(char::is_control) {
            let detail = format!("a unit has at most {UNIT_MAX} characters, none a control one");
            problems.push(Problem::at(format!("{at}/unit"), detail));
        }
        self.check_cap(&format!("{at}/cap"), problems);
        self.check_window(&format!("{at}/window_hours"), problems);
        if self.covariate_days > COVARIATE_DAYS_MAX {
            let detail =
                format!("at most {COVARIATE_DAYS_MAX} days, this is {}", self.covariate_days);
            problems.push(Problem::at(format!("{at}/covariate_days"), detail));
        }
    }

    fn check_cap(&self, at: &str, problems: &mut Vec<Problem>) {
        let Some(cap) = self.cap else { return };
        if !matches!(
            self.kind,
            MetricKind::Mean { .. } | MetricKind::Count { .. } | MetricKind::Ratio { .. }
        ) {
            problems.push(Problem::at(at, "only what is summed by user is capped; leave it out"));
        }
        match cap {
            Cap::Value { value } if value.millionths() <= 0 => {
                problems.push(Problem::at(format!("{at}/value"), "a cap is above 0"));
            }
            Cap::Percentile { percentile } => {
                check_percentile(&format!("{at}/percentile"), percentile, problems);
            }
            Cap::Value { .. } => {}
        }
    }

    fn check_window(&self, at: &str, problems: &mut Vec<Problem>) {
        let Some(hours) = self.window_hours else { return };
        if matches!(self.kind, MetricKind::Retention { .. }) {
            let detail = "retention has its ages in days; leave the window out";
            problems.push(Problem::at(at, detail));
        }
        if !(1..=WINDOW_HOURS_MAX).contains(&hours) {
            let detail = format!("between 1 and {WINDOW_HOURS_MAX} hours, this is {hours}");
            problems.push(Problem::at(at, detail));
        }
    }
}

impl MetricKind {
    fn check(&self, at: &str, problems: &mut Vec<Problem>) {
        match self {
            Self::Binomial { event } | Self::Mean { event } | Self::Count { event } => {
                check_event(&format!("{at}/event"), event, problems);
            }
            Self::Ratio { numerator, denominator } => {
                check_event(&format!("{at}/numerator/event"), &numerator.event, problems);
                check_event(&format!("{at}/denominator/event"), &denominator.event, problems);
                if numerator == denominator {
                    let detail = "the same on both sides is always 1; divide by something else";
                    problems.push(Problem::at(format!("{at}/denominator"), detail));
                }
            }
            Self::Quantile { event, percentile } => {
                check_event(&format!("{at}/event"), event, problems);
                check_percentile(&format!("{at}/percentile"), *percentile, problems);
            }
            Self::Retention { event, from_day, to_day } => {
                check_event(&format!("{at}/event"), event, problems);
                if from_day >= to_day || *to_day > RETENTION_DAYS_MAX {
                    let detail = format!(
                        "above `from_day`, which is {from_day}, and at most {RETENTION_DAYS_MAX}; \
                         this is {to_day}"
                    );
                    problems.push(Problem::at(format!("{at}/to_day"), detail));
                }
            }
            Self::Funnel { steps } => {
                if !(2..=FUNNEL_STEPS_MAX).contains(&steps.len()) {
                    let detail =
                        format!("2 to {FUNNEL_STEPS_MAX} steps, these are {}", steps.len());
                    problems.push(Problem::at(format!("{at}/steps"), detail));
                }
                for (index, step) in steps.iter().enumerate() {
                    check_event(&format!("{at}/steps/{index}"), step, problems);
                }
            }
        }
    }
}

fn check_event(at: &str, event: &str, problems: &mut Vec<Problem>) {
    let odd = event.trim() != event || event.is_empty() || event.chars().any(char::is_control);
    if odd || event.chars().count() > EVENT_MAX {
        let detail = format!(
            "an event's name has 1 to {EVENT_MAX} characters, no control one and no space around it"
        );
        problems.push(Problem::at(at, detail));
    }
}

fn check_percentile(at: &str, percentile: Weight, problems: &mut Vec<Problem>) {
    if percentile.thousandths() == 0 || percentile == Weight::WHOLE {
        problems.push(Problem::at(at, "a percentile is above 0 and below 100"));
    }
}
