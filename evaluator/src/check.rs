//! What the domain asks before it saves a definition: is it sound, and what does it refer to?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::condition::Compiler;
use crate::flag::{Flag, Segment};
use crate::model::{Condition, FlagDefinition, Operator, Outcome, SegmentDefinition, Test};
use crate::problem::{Place, Problem};

/// Everything wrong with a flag by itself. A flag without a problem compiles without a defect wherever the flags and
/// segments exist that it refers to; see [`references`] for those.
pub fn validate(flag: &FlagDefinition) -> Vec<Problem> {
    let mut compiler = Compiler::default();
    Flag::compile(flag, "", &mut compiler);
    compiler.problems.0
}

/// Everything wrong with a segment by itself.
pub fn validate_segment(segment: &SegmentDefinition) -> Vec<Problem> {
    let mut compiler = Compiler::default();
    Segment::compile(segment, &mut compiler);
    compiler.problems.0
}

/// Everything wrong with a condition by itself; pointers begin at the condition.
pub fn validate_condition(condition: &Condition) -> Vec<Problem> {
    let mut compiler = Compiler::default();
    compiler.condition(condition, &Place::ROOT);
    compiler.problems.0
}

/// What a definition refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Keys of other flags, each with the keys of its variations that are named.
    pub flags: BTreeMap<String, BTreeSet<String>>,
    /// Keys of segments.
    pub segments: BTreeSet<String>,
}

/// The other flags and the segments that a flag refers to in prerequisites and conditions, also in its experiment's.
pub fn references(flag: &FlagDefinition) -> References {
    let mut references = References::default();
    for prerequisite in &flag.prerequisites {
        let variations = references.flags.entry(prerequisite.flag.clone()).or_default();
        variations.extend(prerequisite.variations.iter().cloned());
    }
    let experiment = flag.experiment.as_ref().and_then(|experiment| experiment.condition.as_ref());
    references.add(flag.rules.iter().filter_map(|rule| rule.condition.as_ref()).chain(experiment));
    references
}

/// The flags and segments that a condition refers to.
pub fn condition_references(condition: &Condition) -> References {
    let mut references = References::default();
    references.add(std::iter::once(condition));
    references
}

/// The flags and other segments that a segment refers to.
pub fn segment_references(segment: &SegmentDefinition) -> References {
    let mut references = References::default();
    references.add(&segment.rules);
    references
}

/// The variations of the flag itself that are in use: by the off variation, targets, the experiment, rules and the
/// default.
pub fn used_variations(flag: &FlagDefinition) -> BTreeSet<&str> {
    let outcomes = flag.rules.iter().map(|rule| &rule.then).chain([&flag.default]);
    let served = outcomes.flat_map(|outcome| match outcome {
        Outcome::Variation(key) => vec![key.as_str()],
        Outcome::Rollout(rollout) => {
            rollout.variations.iter().map(|share| share.key.as_str()).collect()
        }
    });
    let targets = flag.targets.iter().map(|target| target.variation.as_str());
    let arms = flag.experiment.iter().flat_map(|experiment| &experiment.split.variations);
    let arms = arms.map(|arm| arm.key.as_str());
    served.chain(targets).chain(arms).chain([flag.off_variation.as_str()]).collect()
}

impl References {
    fn add<'d>(&mut self, conditions: impl IntoIterator<Item = &'d Condition>) {
        // Not recursive: nothing is known yet of how deep they nest.
        let mut open: Vec<&Condition> = conditions.into_iter().collect();
        while let Some(condition) = open.pop() {
            match condition {
                Condition::And { and: parts } | Condition::Or { or: parts } => open.extend(parts),
                Condition::Not { not } => open.push(not),
                Condition::Test(test) => self.add_test(test),
            }
        }
    }

    fn add_test(&mut self, test: &Test) {
        let keys = || match &test.value {
            Some(Value::String(key)) => vec![key.clone()],
            Some(Value::Array(keys)) => {
                keys.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        match (test.operator, &test.attribute) {
            (Operator::InSegment | Operator::NotInSegment, _) => self.segments.extend(keys()),
            (Operator::FlagIs, Some(flag)) => {
                self.flags.entry(flag.clone()).or_default().extend(keys());
            }
            _ => {}
        }
    }
}
