//! What can be wrong with a definition, and where.
//!
//! One set of checks serves both sides: the domain asks [`crate::validate`] when a rule is saved, and the compiler
//! reports the same problems as defects, so what was saved without a problem compiles without a defect.

use std::fmt;

use crate::model::{Condition, Operator, Slice, ValueType};
use crate::wire::ObjectKind;

/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where, as a JSON pointer into the definition.
    pub pointer: String,
    /// What.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => self.kind.fmt(formatter),
            pointer => write!(formatter, "{pointer}: {}", self.kind),
        }
    }
}

/// A problem of an object of an environment's config. That object answers with an error; the others do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Defect {
    /// Whether it is a flag or a segment.
    pub object: ObjectKind,
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} `{}`: {}", self.object.as_str(), self.key, self.problem)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemKind {
    /// A flag has variations.
    #[error("a flag needs at least one variation")]
    NoVariations,
    /// Two variations of a flag, or two shares of a rollout, name the same key.
    #[error("variation `{key}` is listed twice")]
    DuplicateVariation {
        /// The key.
        key: String,
    },
    /// A variation's value is not of the flag's type.
    #[error("the value must be of type {}, this is {found}", expected.as_str())]
    ValueType {
        /// The flag's type.
        expected: ValueType,
        /// What it is instead.
        found: &'static str,
    },
    /// The flag has no such variation.
    #[error("the flag has no variation `{key}`")]
    UnknownVariation {
        /// The key.
        key: String,
    },
    /// A rollout has shares.
    #[error("a rollout needs at least one variation")]
    EmptyRollout,
    /// The shares of a rollout are not the whole.
    #[error("weights must sum to 100, these sum to {}", Percent(*thousandths))]
    WeightSum {
        /// Their sum in thousandths of a percent.
        thousandths: u64,
    },
    /// A rollout that names the attribute to hash names one.
    #[error("name an attribute, or leave `bucket_by` out for the targeting key")]
    EmptyBucketBy,
    /// Two rules have the same id.
    #[error("rule id `{id}` is used twice")]
    DuplicateRuleId {
        /// The id.
        id: String,
    },
    /// A key, an id or a seed is empty.
    #[error("give it a name, this is empty")]
    EmptyName,
    /// A range of buckets that holds none, or more than there are.
    #[error("a range is `[from, to]` with 0 <= from < to <= 10000, this is [{from}, {to}]")]
    BucketRange {
        /// The first bucket.
        from: u16,
        /// The first bucket that is no longer in it.
        to: u16,
    },
    /// An experiment has too many slices.
    #[error("an experiment has at most {} slices, this has {count}", Slice::MAX)]
    TooManySlices {
        /// How many it has.
        count: usize,
    },
    /// A list that must name something is empty.
    #[error("name at least one")]
    EmptyList,
    /// Conditions lie too deep inside each other.
    #[error("conditions nest at most {} deep", Condition::MAX_DEPTH)]
    TooDeep,
    /// The operator compares an attribute, and none is named.
    #[error("`{}` needs an `attribute`", operator.as_str())]
    MissingAttribute {
        /// The operator.
        operator: Operator,
    },
    /// The operator compares no attribute.
    #[error("`{}` takes no `attribute`", operator.as_str())]
    SuperfluousAttribute {
        /// The operator.
        operator: Operator,
    },
    /// The operator compares with a value, and there is none.
    #[error("`{}` needs a `value`", operator.as_str())]
    MissingValue {
        /// The operator.
        operator: Operator,
    },
    /// The operator compares with nothing.
    #[error("`{}` takes no `value`", operator.as_str())]
    SuperfluousValue {
        /// The operator.
        operator: Operator,
    },
    /// The value has the wrong shape for the operator.
    #[error("`{}` compares with {expected}, this is {found}", operator.as_str())]
    ValueShape {
        /// The operator.
        operator: Operator,
        /// What it compares with.
        expected: &'static str,
        /// What it is instead.
        found: &'static str,
    },
    /// A field of the value is not known, or one is missing.
    #[error("`{}` compares with {expected}", operator.as_str())]
    ValueFields {
        /// The operator.
        operator: Operator,
        /// What it compares with.
        expected: &'static str,
    },
    /// Case can be ignored in text only.
    #[error("`ignore_case` works for {} on text only", IGNORE_CASE_OPERATORS)]
    IgnoreCase,
    /// No regular expression, or one that is too large.
    #[error("no usable regular expression: {detail}")]
    Regex {
        /// What the parser says.
        detail: String,
    },
    /// No semantic version.
    #[error("no semantic version like `1.4.0`: {detail}")]
    Version {
        /// What the parser says.
        detail: String,
    },
    /// No range of semantic versions.
    #[error("no version range like `^1.2`, `~1.2`, `1.x` or `>=1, <3`: {detail}")]
    VersionRange {
        /// What the parser says.
        detail: String,
    },
    /// No network.
    #[error("no network like `10.0.0.0/8`, and no IP address")]
    Network,
    /// No instant.
    #[error("no instant like `2026-01-31T09:00:00Z`, and no duration like `-P7D`")]
    Instant,
    /// No time of day.
    #[error("no time of day like `09:00`")]
    TimeOfDay,
    /// A span of the day from a time to itself.
    #[error("`from` and `to` are the same")]
    EmptyTimeOfDay,
    /// No day of the week.
    #[error("no day of the week: use `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`")]
    Weekday,
    /// No time zone.
    #[error("no time zone like `Europe/Berlin`")]
    TimeZone,
    /// The environment has no such flag.
    #[error("flag `{key}` does not exist in this environment")]
    UnknownFlag {
        /// The key.
        key: String,
    },
    /// The environment has no such segment.
    #[error("segment `{key}` does not exist in this environment")]
    UnknownSegment {
        /// The key.
        key: String,
    },
    /// The environment has two objects with this key; the first is served.
    #[error("the key is used twice, the first is served")]
    DuplicateKey,
}

const IGNORE_CASE_OPERATORS: &str =
    "`eq`, `neq`, `in`, `not_in`, `contains`, `starts_with`, `ends_with` and `matches`";

/// Thousandths of a percent as people write percent.
struct Percent(u64);

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        match thousandths {
            0 => write!(formatter, "{whole}"),
            _ => formatter.write_str(format!("{whole}.{thousandths:03}").trim_end_matches('0')),
        }
    }
}

/// A place in a definition. It lies on the stack of whoever looks, and becomes text only for a problem.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    pub(crate) const ROOT: Place<'static> = Place { parent: None, step: Step::Root };

    pub(crate) fn field(&'p self, name: &'p str) -> Place<'p> {
        Place { parent: Some(self), step: Step::Field(name) }
    }

    pub(crate) fn index(&'p self, index: usize) -> Place<'p> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    fn write(&self, pointer: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(pointer);
        }
        match self.step {
            Step::Root => {}
            Step::Field(name) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}

/// Collects problems with their places.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn report(&mut self, place: &Place<'_>, kind: ProblemKind) {
        let mut pointer = String::new();
        place.write(&mut pointer);
        self.0.push(Problem { pointer, kind });
    }

    /// Reports an error and goes on with nothing.
    pub(crate) fn note<T>(
        &mut self,
        place: &Place<'_>,
        result: Result<T, ProblemKind>,
    ) -> Option<T> {
        result.map_err(|kind| self.report(place, kind)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_escaped() {
        let mut problems = Problems::default();
        let rules = Place::ROOT.field("rules");
        let rule = rules.index(3);
        problems.report(&rule.field("a/b~c"), ProblemKind::EmptyList);
        assert_eq!(problems.0[0].to_string(), "/rules/3/a~1b~0c: name at least one");
    }

    #[test]
    fn a_weight_sum_is_told_in_percent() {
        let message = |thousandths| ProblemKind::WeightSum { thousandths }.to_string();
        assert_eq!(message(90_000), "weights must sum to 100, these sum to 90");
        assert_eq!(message(99_990), "weights must sum to 100, these sum to 99.99");
        assert_eq!(message(5), "weights must sum to 100, these sum to 0.005");
    }
}
