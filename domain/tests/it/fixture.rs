//! Things that tests start from.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::Aggregate;
use ff_domain::{
    Flag, FlagCommand, FlagEvent, OrganizationId, Problem, ProjectId, SegmentKey, SegmentState,
    VariationKey,
    flag::{CreateFlag, FlagFacts, Targeting},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) fn from<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

pub(crate) fn key<K: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> K {
    text.parse().unwrap()
}

pub(crate) fn organization() -> OrganizationId {
    OrganizationId::of(&key("acme"))
}

pub(crate) fn project() -> ProjectId {
    ProjectId::of(organization(), &key("shop"))
}

/// What an aggregate is after events.
pub(crate) fn after<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> A {
    let mut aggregate = A::default();
    events.into_iter().for_each(|event| aggregate.apply(event));
    aggregate
}

/// A string flag `checkout` with the variations `red`, `green` and `blue`.
pub(crate) fn new_flag() -> CreateFlag {
    from(json!({
        "project": project(), "key": "checkout", "name": "Checkout", "type": "string",
        "variations": [{"key": "red", "value": "#f00"}, {"key": "green", "value": "#0f0"},
                       {"key": "blue", "value": "#00f"}],
        "initial": {"off_variation": "red", "default_variation": "green"},
    }))
}

pub(crate) fn created() -> FlagEvent {
    FlagEvent::Created(Box::new(new_flag()))
}

/// What the project has: `dev` and `prod`, the flag `base` with `on` and `off`, the segment `beta`.
pub(crate) fn facts() -> FlagFacts {
    FlagFacts {
        environments: BTreeSet::from([key("dev"), key("prod")]),
        flags: BTreeMap::from([(
            key("base"),
            BTreeSet::from([key::<VariationKey>("on"), key("off")]),
        )]),
        segments: BTreeSet::from([key("beta")]),
    }
}

/// Targeting like that of a new flag, with some parts replaced.
pub(crate) fn targeting(parts: Value) -> Targeting {
    let mut all = json!({"off_variation": "red", "default": {"variation": "green"}});
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    all.as_object_mut().unwrap().extend(parts);
    from(all)
}

pub(crate) fn replace(environment: &str, parts: Value) -> FlagCommand {
    FlagCommand::ReplaceTargeting {
        environment: key(environment),
        targeting: Box::new(targeting(parts)),
    }
}

pub(crate) fn replaced(environment: &str, parts: Value) -> FlagEvent {
    FlagEvent::TargetingReplaced {
        environment: key(environment),
        targeting: Box::new(targeting(parts)),
    }
}

/// A rule that serves `blue` to whom a condition holds for.
pub(crate) fn rule(condition: Value) -> Value {
    json!({"rules": [{"id": "r1", "if": condition, "then": {"variation": "blue"}}]})
}

pub(crate) fn live(events: impl IntoIterator<Item = FlagEvent>) -> Flag {
    after(std::iter::once(created()).chain(events))
}

pub(crate) fn segment(name: &str, members: Value) -> SegmentState {
    SegmentState {
        project: project(),
        key: key::<SegmentKey>(name),
        name: name.to_owned(),
        description: String::new(),
        tags: BTreeSet::new(),
        members: from(members),
    }
}

/// The pointers of problems, with the detail of each.
pub(crate) fn pointers(problems: &[Problem]) -> Vec<(&str, &str)> {
    problems.iter().map(|p| (p.pointer.as_str(), p.detail.as_str())).collect()
}
