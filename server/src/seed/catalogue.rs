//! What the demo consists of: a shop with every kind of flag and rule.

use std::collections::BTreeSet;

use anyhow::Context as _;
use ff_domain::{
    EnvironmentKey, FlagKey, OrganizationKey, ProjectId, ProjectKey, SegmentKey, SegmentState,
    flag::{CreateFlag, Initial, Lifetime, Targeting},
    segment::Members,
};
use ff_evaluator::{ValueType, Variation};
use serde_json::{Value, json};

/// A flag of the demo.
pub(super) struct DemoFlag {
    pub(super) flag: CreateFlag,
    /// Who gets what; as created if absent.
    pub(super) targeting: Option<Targeting>,
    pub(super) on: bool,
    /// Not in production only.
    pub(super) on_everywhere: bool,
}

pub(super) fn organization() -> OrganizationKey {
    OrganizationKey::parse("demo").expect("it is a key")
}

pub(super) fn project() -> ProjectKey {
    ProjectKey::parse("shop").expect("it is a key")
}

pub(super) fn production() -> EnvironmentKey {
    EnvironmentKey::parse("production").expect("it is a key")
}

/// Key, name, and whether it is production.
pub(super) fn environments() -> [(EnvironmentKey, &'static str, bool); 3] {
    let key = |key| EnvironmentKey::parse(key).expect("it is a key");
    [
        (key("development"), "Development", false),
        (key("staging"), "Staging", false),
        (production(), "Production", true),
    ]
}

pub(super) fn segments(project: ProjectId) -> anyhow::Result<Vec<SegmentState>> {
    let segment = |key: &str,
                   name: &str,
                   description: &str,
                   members: Value|
     -> anyhow::Result<SegmentState> {
        Ok(SegmentState {
            project,
            key: SegmentKey::parse(key)?,
            name: name.to_owned(),
            description: description.to_owned(),
            tags: BTreeSet::new(),
            members: serde_json::from_value::<Members>(members).with_context(|| key.to_owned())?,
        })
    };
    Ok(vec![
        segment(
            "employees",
            "Employees",
            "Everyone with a company address",
            json!({"rules": [{"attribute": "email", "operator": "ends_with", "value": "@example.com", "ignore_case": true}]}),
        )?,
        segment(
            "beta-testers",
            "Beta testers",
            "Employees, and customers who asked for it",
            json!({
                "included": ["user-7", "user-42"],
                "rules": [{"operator": "in_segment", "value": "employees"}],
            }),
        )?,
    ])
}

pub(super) fn flags(project: ProjectId) -> anyhow::Result<Vec<DemoFlag>> {
    definitions().into_iter().map(|definition| demo_flag(project, definition)).collect()
}

struct Definition {
    key: &'static str,
    name: &'static str,
    description: &'static str,
    kind: ValueType,
    lifetime: Lifetime,
    tags: &'static [&'static str],
    client_side: bool,
    variations: Value,
    off: &'static str,
    default: &'static str,
    targeting: Option<Value>,
    on: bool,
    on_everywhere: bool,
}

fn demo_flag(project: ProjectId, definition: Definition) -> anyhow::Result<DemoFlag> {
    let Definition { key, name, description, kind, lifetime, tags, client_side, .. } = definition;
    let variations: Vec<Variation> =
        serde_json::from_value(definition.variations).with_context(|| key.to_owned())?;
    let targeting = definition
        .targeting
        .map(serde_json::from_value)
        .transpose()
        .with_context(|| key.to_owned())?;
    Ok(DemoFlag {
        flag: CreateFlag {
            project,
            key: FlagKey::parse(key)?,
            name: name.to_owned(),
            description: description.to_owned(),
            kind,
            lifetime,
            owner: None,
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            client_side,
            variations,
            initial: Initial {
                off_variation: definition.off.to_owned(),
                default_variation: definition.default.to_owned(),
            },
        },
        targeting,
        on: definition.on,
        on_everywhere: definition.on_everywhere,
    })
}

fn definitions() -> Vec<Definition> {
    let on_off = || json!([{"key": "on", "value": true}, {"key": "off", "value": false}]);
    vec![
        Definition {
            key: "new-checkout",
            name: "New checkout",
            description: "One page instead of three; beta testers in the US first",
            kind: ValueType::Boolean,
            lifetime: Lifetime::Temporary,
            tags: &["checkout", "experiment"],
            client_side: true,
            variations: json!([{"key": "treatment", "value": true}, {"key": "control", "value": false}]),
            off: "control",
            default: "treatment",
            targeting: Some(json!({
                "off_variation": "control",
                "rules": [
                    {"id": "beta", "name": "beta testers", "if": {"operator": "in_segment", "value": "beta-testers"},
                     "then": {"variation": "treatment"}},
                    {"id": "us-half", "name": "half of the US",
                     "if": {"attribute": "country", "operator": "eq", "value": "US"},
                     "then": {"rollout": {"variations": [
                         {"key": "control", "weight": 50}, {"key": "treatment", "weight": 50}]}}},
                ],
                "default": {"variation": "control"},
            })),
            on: true,
            on_everywhere: true,
        },
        Definition {
            key: "one-click-buy",
            name: "One-click buy",
            description: "Only where the new checkout is served",
            kind: ValueType::Boolean,
            lifetime: Lifetime::Temporary,
            tags: &["checkout"],
            client_side: true,
            variations: on_off(),
            off: "off",
            default: "on",
            targeting: Some(json!({
                "off_variation": "off",
                "prerequisites": [{"flag": "new-checkout", "variations": ["treatment"]}],
                "default": {"variation": "on"},
            })),
            on: true,
            on_everywhere: true,
        },
        Definition {
            key: "button-color",
            name: "Button color",
            description: "Which color sells",
            kind: ValueType::String,
            lifetime: Lifetime::Temporary,
            tags: &["design", "experiment"],
            client_side: true,
            variations: json!([
                {"key": "red", "value": "red"}, {"key": "green", "value": "green"}, {"key": "blue", "value": "blue"},
            ]),
            off: "blue",
            default: "blue",
            targeting: Some(json!({
                "off_variation": "blue",
                "default": {"rollout": {"variations": [
                    {"key": "red", "weight": 33.333}, {"key": "green", "weight": 33.333},
                    {"key": "blue", "weight": 33.334}]}},
            })),
            on: true,
            on_everywhere: false,
        },
        Definition {
            key: "search-results",
            name: "Search results",
            description: "How many results a page shows",
            kind: ValueType::Number,
            lifetime: Lifetime::Permanent,
            tags: &["search"],
            client_side: false,
            variations: json!([{"key": "few", "value": 20}, {"key": "many", "value": 50}]),
            off: "few",
            default: "few",
            targeting: Some(json!({
                "off_variation": "few",
                "rules": [{"id": "pro", "name": "paying customers",
                    "if": {"attribute": "plan", "operator": "in", "value": ["pro", "enterprise"]},
                    "then": {"variation": "many"}}],
                "default": {"variation": "few"},
            })),
            on: true,
            on_everywhere: true,
        },
        Definition {
            key: "theme",
            name: "Theme",
            description: "Colors and corners of the shop",
            kind: ValueType::Json,
            lifetime: Lifetime::Permanent,
            tags: &["design"],
            client_side: true,
            variations: json!([
                {"key": "light", "value": {"background": "#ffffff", "radius": 4}},
                {"key": "dark", "value": {"background": "#101418", "radius": 4}},
            ]),
            off: "light",
            default: "light",
            targeting: None,
            on: true,
            on_everywhere: true,
        },
        Definition {
            key: "maintenance-mode",
            name: "Maintenance mode",
            description: "Closes the shop. A kill switch",
            kind: ValueType::Boolean,
            lifetime: Lifetime::Permanent,
            tags: &["ops"],
            client_side: true,
            variations: on_off(),
            off: "off",
            default: "on",
            targeting: None,
            on: false,
            on_everywhere: false,
        },
    ]
}
