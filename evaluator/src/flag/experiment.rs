//! Experiments, compiled.

use super::Scope;
use crate::bucketing::{BUCKETS, Seed, Split};
use crate::condition::Node;
use crate::model::{ExperimentDefinition, Slice};
use crate::problem::{Place, ProblemKind};

/// An experiment, compiled.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) key: Box<str>,
    pub(crate) rule: Box<str>,
    pub(crate) condition: Option<Node>,
    pub(crate) slices: Box<[CompiledSlice]>,
    pub(crate) split: Split,
    /// Of the arms.
    pub(crate) seed: Seed,
}

/// A slice, compiled.
#[derive(Debug)]
pub(crate) struct CompiledSlice {
    pub(crate) name: Box<str>,
    pub(crate) seed: Seed,
    pub(crate) ranges: Box<[[u16; 2]]>,
}

impl CompiledSlice {
    /// Whether a bucket is in one of the ranges.
    pub(crate) fn holds(&self, bucket: u16) -> bool {
        self.ranges.iter().any(|[from, to]| (*from..*to).contains(&bucket))
    }
}

impl Scope<'_> {
    /// `salt` is the environment's.
    pub(super) fn experiment(
        &mut self,
        experiment: &ExperimentDefinition,
        salt: &str,
    ) -> Option<Box<Experiment>> {
        let root = Place::ROOT;
        let place = root.field("experiment");
        self.name(&experiment.key, &place.field("key"));
        self.name(&experiment.rule, &place.field("rule"));
        let condition = match &experiment.condition {
            None => Some(None),
            Some(condition) => self.compiler.condition(condition, &place.field("if")).map(Some),
        };
        let slices = self.slices(&experiment.slices, salt, &place.field("slices"));
        let split = self.rollout(&experiment.split, &place.field("split"));
        let arms = experiment.salt.as_deref().or(self.flag.salt.as_deref()).unwrap_or(salt);
        Some(Box::new(Experiment {
            key: experiment.key.as_str().into(),
            rule: experiment.rule.as_str().into(),
            condition: condition?,
            slices,
            split: split?,
            seed: Seed::new(arms, &self.flag.key),
        }))
    }

    fn slices(&mut self, slices: &[Slice], salt: &str, place: &Place<'_>) -> Box<[CompiledSlice]> {
        if slices.len() > Slice::MAX {
            self.report(place, ProblemKind::TooManySlices { count: slices.len() });
            return Box::default();
        }
        let mut compiled = Vec::with_capacity(slices.len());
        for (index, slice) in slices.iter().enumerate() {
            let place = place.index(index);
            self.name(&slice.seed, &place.field("seed"));
            let ranges = place.field("ranges");
            for (index, &[from, to]) in slice.ranges.iter().enumerate() {
                if from >= to || to > BUCKETS {
                    self.report(&ranges.index(index), ProblemKind::BucketRange { from, to });
                }
            }
            compiled.push(CompiledSlice {
                name: slice.seed.as_str().into(),
                seed: Seed::new(salt, &slice.seed),
                ranges: slice.ranges.as_slice().into(),
            });
        }
        compiled.into()
    }

    fn name(&mut self, name: &str, place: &Place<'_>) {
        if name.is_empty() {
            self.report(place, ProblemKind::EmptyName);
        }
    }
}
