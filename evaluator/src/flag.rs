//! Flags and segments, compiled.

mod experiment;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use crate::attribute::Attribute;
use crate::bucketing::{Seed, Split};
use crate::condition::{Compiler, Node};
use crate::context::type_name;
use crate::evaluation::{ErrorCode, Reason};
use crate::model::{
    FlagDefinition, Outcome, Prerequisite, Rollout, Rule, SegmentDefinition, Target, ValueType,
    Weight,
};
use crate::names::{FlagSlot, SegmentSlot};
use crate::problem::{Place, ProblemKind};

pub(crate) use experiment::{CompiledSlice, Experiment};

/// A flag, compiled. One whose definition has a problem is kept without a body and answers with an error.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) key: Arc<str>,
    pub(crate) kind: ValueType,
    pub(crate) client_side: bool,
    pub(crate) body: Result<Body, ErrorCode>,
    pub(crate) needs: Needs,
}

/// What an object refers to.
#[derive(Debug)]
pub(crate) struct Needs {
    pub(crate) flags: Box<[FlagSlot]>,
    pub(crate) segments: Box<[SegmentSlot]>,
}

/// What a flag serves to whom.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) variations: Box<[Variation]>,
    pub(crate) off: usize,
    pub(crate) prerequisites: Box<[Required]>,
    pub(crate) targets: FxHashMap<Box<str>, usize>,
    pub(crate) experiment: Option<Box<Experiment>>,
    pub(crate) rules: Box<[CompiledRule]>,
    pub(crate) default: Serve,
    /// What everyone gets, whatever the context: of a flag that is off, or has nothing but a default variation.
    pub(crate) fixed: Option<(usize, Reason)>,
    /// Only where something is bucketed; an experiment has its own.
    pub(crate) seed: Option<Box<Seed>>,
}

/// A variation with its value as it is served.
#[derive(Debug)]
pub(crate) struct Variation {
    pub(crate) key: Box<str>,
    pub(crate) value: Value,
}

/// A prerequisite.
#[derive(Debug)]
pub(crate) struct Required {
    pub(crate) flag: FlagSlot,
    pub(crate) variations: Box<[Box<str>]>,
}

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) id: Option<Box<str>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) condition: Option<Node>,
    pub(crate) then: Serve,
}

/// An outcome, compiled.
#[derive(Debug)]
pub(crate) enum Serve {
    Variation(usize),
    Split(Split),
}

/// A segment, compiled.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) body: Result<SegmentBody, ErrorCode>,
    pub(crate) needs: Needs,
}

/// Who is in a segment.
#[derive(Debug)]
pub(crate) struct SegmentBody {
    pub(crate) excluded: FxHashSet<Box<str>>,
    pub(crate) included: FxHashSet<Box<str>>,
    pub(crate) rules: Box<[Node]>,
}

impl Flag {
    /// Compiles a flag; the problems are left with the compiler.
    pub(crate) fn compile(flag: &FlagDefinition, salt: &str, compiler: &mut Compiler) -> Self {
        let body = Body::compile(flag, salt, compiler)
            .filter(|_| compiler.problems.0.is_empty())
            .ok_or(ErrorCode::ParseError);
        Self {
            key: flag.key.as_str().into(),
            kind: flag.kind,
            client_side: flag.client_side,
            body,
            needs: Needs::taken_from(compiler),
        }
    }
}

impl Segment {
    /// Compiles a segment; the problems are left with the compiler.
    pub(crate) fn compile(segment: &SegmentDefinition, compiler: &mut Compiler) -> Self {
        let place = Place::ROOT.field("rules");
        let rules: Box<[Node]> = segment
            .rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| compiler.condition(rule, &place.index(index)))
            .collect();
        let set = |keys: &[String]| keys.iter().map(|key| key.as_str().into()).collect();
        let (excluded, included) = (set(&segment.excluded), set(&segment.included));
        let body = compiler
            .problems
            .0
            .is_empty()
            .then_some(SegmentBody { excluded, included, rules })
            .ok_or(ErrorCode::ParseError);
        Self { body, needs: Needs::taken_from(compiler) }
    }
}

impl Needs {
    fn taken_from(compiler: &mut Compiler) -> Self {
        fn unique<T: Ord>(mut slots: Vec<T>) -> Box<[T]> {
            slots.sort_unstable();
            slots.dedup();
            slots.into()
        }
        Self {
            flags: unique(std::mem::take(&mut compiler.flags)),
            segments: unique(std::mem::take(&mut compiler.segments)),
        }
    }
}

impl Body {
    /// `None` only if a problem was reported; but with `Some` there may be problems, too.
    fn compile(flag: &FlagDefinition, salt: &str, compiler: &mut Compiler) -> Option<Self> {
        let root = Place::ROOT;
        let variations = variations(flag, compiler);
        let mut scope = Scope { flag, compiler };
        let off = scope.variation(&flag.off_variation, &root.field("off_variation"));
        let prerequisites = scope.prerequisites(&flag.prerequisites);
        let targets = scope.targets(&flag.targets);
        let experiment = match &flag.experiment {
            None => Some(None),
            Some(experiment) => scope.experiment(experiment, salt).map(Some),
        };
        let rules = scope.rules(&flag.rules);
        let default = scope.serve(&flag.default, &root.field("default"));
        let (off, experiment, rules, default) = (off?, experiment?, rules?, default?);
        let splits = matches!(default, Serve::Split(_))
            || rules.iter().any(|rule| matches!(rule.then, Serve::Split(_)));
        Some(Self {
            variations,
            off,
            fixed: match default {
                _ if !flag.enabled => Some((off, Reason::Disabled)),
                Serve::Variation(variation)
                    if prerequisites.is_empty()
                        && flag.targets.is_empty()
                        && experiment.is_none()
                        && rules.is_empty() =>
                {
                    Some((variation, Reason::Static))
                }
                _ => None,
            },
            prerequisites,
            targets,
            experiment,
            rules,
            default,
            seed: splits
                .then(|| Box::new(Seed::new(flag.salt.as_deref().unwrap_or(salt), &flag.key))),
        })
    }
}

/// The variations with their values as they are served: if any number has a fraction, all are floats; else all
/// that can be are integers.
fn variations(flag: &FlagDefinition, compiler: &mut Compiler) -> Box<[Variation]> {
    let root = Place::ROOT;
    let place = root.field("variations");
    if flag.variations.is_empty() {
        compiler.problems.report(&place, ProblemKind::NoVariations);
    }
    let mut keys = FxHashSet::default();
    for (index, variation) in flag.variations.iter().enumerate() {
        let place = place.index(index);
        if !keys.insert(variation.key.as_str()) {
            let kind = ProblemKind::DuplicateVariation { key: variation.key.clone() };
            compiler.problems.report(&place.field("key"), kind);
        }
        if !flag.kind.admits(&variation.value) {
            let found = type_name(&variation.value);
            let kind = ProblemKind::ValueType { expected: flag.kind, found };
            compiler.problems.report(&place.field("value"), kind);
        }
    }
    let floats = flag.kind == ValueType::Number
        && flag.variations.iter().any(|v| v.value.as_f64().is_some_and(|f| f.fract() != 0.0));
    let served = |value: &Value| match value {
        Value::Number(number) if flag.kind == ValueType::Number && floats => {
            number.as_f64().map_or_else(|| value.clone(), Value::from)
        }
        Value::Number(number) if flag.kind == ValueType::Number => as_integer(number),
        other => other.clone(),
    };
    flag.variations
        .iter()
        .map(|v| Variation { key: v.key.as_str().into(), value: served(&v.value) })
        .collect()
}

/// `2.0` as `2`; what no JSON integer can hold stays as it is.
#[allow(clippy::cast_possible_truncation, reason = "checked to be within range")]
fn as_integer(number: &serde_json::Number) -> Value {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.abs() <= LIMIT => Value::from(float as i64),
        _ => Value::Number(number.clone()),
    }
}

/// Compiles the parts of one flag.
struct Scope<'s> {
    flag: &'s FlagDefinition,
    compiler: &'s mut Compiler,
}

impl Scope<'_> {
    fn report(&mut self, place: &Place<'_>, kind: ProblemKind) {
        self.compiler.problems.report(place, kind);
    }

    fn variation(&mut self, key: &str, place: &Place<'_>) -> Option<usize> {
        let found = self.flag.variations.iter().position(|variation| variation.key == key);
        if found.is_none() {
            self.report(place, ProblemKind::UnknownVariation { key: key.to_owned() });
        }
        found
    }

    fn prerequisites(&mut self, prerequisites: &[Prerequisite]) -> Box<[Required]> {
        let root = Place::ROOT.field("prerequisites");
        let mut required = Vec::with_capacity(prerequisites.len());
        for (index, prerequisite) in prerequisites.iter().enumerate() {
            if prerequisite.variations.is_empty() {
                self.report(&root.index(index).field("variations"), ProblemKind::EmptyList);
            }
            required.push(Required {
                flag: self.compiler.flag(&prerequisite.flag),
                variations: prerequisite.variations.iter().map(|key| key.as_str().into()).collect(),
            });
        }
        required.into()
    }

    /// Where a key is pinned twice, its first target holds.
    fn targets(&mut self, targets: &[Target]) -> FxHashMap<Box<str>, usize> {
        let root = Place::ROOT.field("targets");
        let mut pinned = FxHashMap::default();
        for (index, target) in targets.iter().enumerate() {
            let place = root.index(index);
            let Some(variation) = self.variation(&target.variation, &place.field("variation"))
            else {
                continue;
            };
            for key in &target.keys {
                pinned.entry(key.as_str().into()).or_insert(variation);
            }
        }
        pinned
    }

    fn rules(&mut self, rules: &[Rule]) -> Option<Box<[CompiledRule]>> {
        let root = Place::ROOT.field("rules");
        let mut ids = FxHashSet::default();
        let mut compiled = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let place = root.index(index);
            if !rule.id.is_empty() && !ids.insert(rule.id.as_str()) {
                let kind = ProblemKind::DuplicateRuleId { id: rule.id.clone() };
                self.report(&place.field("id"), kind);
            }
            let condition = match &rule.condition {
                None => Some(None),
                Some(condition) => self.compiler.condition(condition, &place.field("if")).map(Some),
            };
            let then = self.serve(&rule.then, &place.field("then"));
            if let (Some(condition), Some(then)) = (condition, then) {
                let id = (!rule.id.is_empty()).then(|| rule.id.as_str().into());
                let name = rule.name.as_deref().map(Into::into);
                compiled.push(CompiledRule { id, name, condition, then });
            }
        }
        (compiled.len() == rules.len()).then(|| compiled.into())
    }

    fn serve(&mut self, outcome: &Outcome, place: &Place<'_>) -> Option<Serve> {
        match outcome {
            Outcome::Variation(key) => {
                self.variation(key, &place.field("variation")).map(Serve::Variation)
            }
            Outcome::Rollout(rollout) => {
                self.rollout(rollout, &place.field("rollout")).map(Serve::Split)
            }
        }
    }

    fn rollout(&mut self, rollout: &Rollout, place: &Place<'_>) -> Option<Split> {
        let list = place.field("variations");
        let bucket_by = match &rollout.bucket_by {
            None => None,
            Some(path) => match Attribute::parse(path) {
                Some(attribute) => Some(attribute),
                None => {
                    self.report(&place.field("bucket_by"), ProblemKind::EmptyBucketBy);
                    return None;
                }
            },
        };
        if rollout.variations.is_empty() {
            self.report(&list, ProblemKind::EmptyRollout);
            return None;
        }
        let mut seen = FxHashSet::default();
        let mut shares = Vec::with_capacity(rollout.variations.len());
        for (index, share) in rollout.variations.iter().enumerate() {
            let place = list.index(index);
            if !seen.insert(share.key.as_str()) {
                let kind = ProblemKind::DuplicateVariation { key: share.key.clone() };
                self.report(&place.field("key"), kind);
            }
            let variation = self.variation(&share.key, &place.field("key"));
            shares.extend(variation.map(|variation| (variation, share.weight)));
        }
        let sum = |weight: &Weight| u64::from(weight.thousandths());
        let thousandths = rollout.variations.iter().map(|share| sum(&share.weight)).sum();
        if thousandths != sum(&Weight::WHOLE) {
            self.report(&list, ProblemKind::WeightSum { thousandths });
            return None;
        }
        (shares.len() == rollout.variations.len()).then(|| Split::new(bucket_by, shares))
    }
}
