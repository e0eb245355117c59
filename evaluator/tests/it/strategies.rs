//! Random definitions and contexts, from sound to nonsense. Keys, attributes and values come from small sets, so
//! that references, matches and mistakes are all frequent.

use ff_evaluator::{
    Condition, EnvironmentDefinition, ExperimentDefinition, FlagDefinition, HashKind, Operator,
    Outcome, Prerequisite, Rollout, Rule, SegmentDefinition, Slice, Target, Test, ValueType,
    Variation, Weight, WeightedVariation,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const FLAGS: [&str; 5] = ["a", "b", "c", "d", "gone"];
const SEGMENTS: [&str; 4] = ["s", "t", "u", "gone"];
const VARIATIONS: [&str; 4] = ["on", "off", "third", "unknown"];
const ATTRIBUTES: [&str; 10] = [
    "targetingKey",
    "user_key",
    "user_id",
    "country",
    "age",
    "roles",
    "/address/zip",
    "/roles/0",
    "version",
    "ip",
];
const TEXTS: [&str; 16] = [
    "",
    "DE",
    "de",
    "user-1",
    "user-2",
    "10.1.2.3",
    "10.0.0.0/8",
    "1.2.3",
    "^1.2",
    "[a-z]+",
    "(",
    "Ä",
    "-P7D",
    "2026-01-01T00:00:00Z",
    "on",
    "s",
];

pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        3 => (-3_i64..30).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        // Eighths have few digits: serde_json reads some of the longest decimals as the float beside.
        2 => (-1000_i32..1000).prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        1 => prop::sample::select(&[1e300, -1e300, 1e19, 5e-324][..]).prop_map(Value::from),
        6 => prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(
                (prop::sample::select(&["a", "zip", "gte", "from"][..]), inner),
                0..4
            )
            .prop_map(|fields| Value::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A value of the shape that an operator wants, most of the time.
fn operand(operator: Operator) -> BoxedStrategy<Option<Value>> {
    let texts = || prop::sample::select(&TEXTS[..]).prop_map(Value::from);
    let fitting: BoxedStrategy<Value> = match operator {
        Operator::Exists | Operator::NotExists => {
            return prop_oneof![9 => Just(None), 1 => json_value().prop_map(Some)].boxed();
        }
        Operator::In | Operator::NotIn | Operator::AnyOf | Operator::AllOf | Operator::NoneOf => {
            prop::collection::vec(json_value(), 1..12).prop_map(Value::from).boxed()
        }
        Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => prop_oneof![
            (0..40_i64).prop_map(Value::from),
            (0..320).prop_map(|eighths| Value::from(f64::from(eighths) / 8.0))
        ]
        .boxed(),
        Operator::Size => {
            prop_oneof![(0..4_u64).prop_map(Value::from), Just(json!({"gte": 1, "lt": 3}))].boxed()
        }
        Operator::Before | Operator::After => {
            prop::sample::select(&["2026-01-01T00:00:00Z", "-P7D", "P1M", "P999999Y"][..])
                .prop_map(Value::from)
                .boxed()
        }
        Operator::SemverRange => {
            prop::sample::select(&["^1.2", "*", ">=1, <3"][..]).prop_map(Value::from).boxed()
        }
        Operator::SemverEq
        | Operator::SemverGt
        | Operator::SemverGte
        | Operator::SemverLt
        | Operator::SemverLte => {
            prop::sample::select(&["1.2.3", "2.0.0-rc.1"][..]).prop_map(Value::from).boxed()
        }
        Operator::InCidr => {
            prop::sample::select(&["10.0.0.0/8", "::1", "::/0"][..]).prop_map(Value::from).boxed()
        }
        Operator::InSegment | Operator::NotInSegment => {
            prop::collection::vec(prop::sample::select(&SEGMENTS[..]), 1..3)
                .prop_map(|keys| json!(keys))
                .boxed()
        }
        Operator::FlagIs => prop::collection::vec(prop::sample::select(&VARIATIONS[..]), 1..3)
            .prop_map(|keys| json!(keys))
            .boxed(),
        Operator::TimeOfDay => {
            Just(json!({"from": "09:00", "to": "17:30", "time_zone": "Europe/Berlin"})).boxed()
        }
        Operator::Weekday => Just(json!({"days": ["mon", "sun"], "time_zone": "UTC"})).boxed(),
        Operator::Matches => {
            prop::sample::select(&["^[a-z]+$", "user-\\d", "."][..]).prop_map(Value::from).boxed()
        }
        _ => {
            prop_oneof![texts(), prop::collection::vec(texts(), 1..4).prop_map(Value::from)].boxed()
        }
    };
    prop_oneof![30 => fitting.prop_map(Some), 1 => json_value().prop_map(Some), 1 => Just(None)]
        .boxed()
}

fn test() -> impl Strategy<Value = Test> {
    prop::sample::select(Operator::ALL).prop_flat_map(|operator| {
        let attribute = match operator {
            Operator::InSegment
            | Operator::NotInSegment
            | Operator::TimeOfDay
            | Operator::Weekday => {
                prop_oneof![30 => Just(None), 1 => Just(Some("country".to_owned()))].boxed()
            }
            Operator::FlagIs => {
                prop::sample::select(&FLAGS[..]).prop_map(|key| Some(key.to_owned())).boxed()
            }
            _ => prop_oneof![
                30 => prop::sample::select(&ATTRIBUTES[..]).prop_map(|name| Some(name.to_owned())),
                1 => Just(None),
            ]
            .boxed(),
        };
        (attribute, operand(operator), prop::bool::weighted(0.1)).prop_map(
            move |(attribute, value, ignore_case)| Test {
                attribute,
                operator,
                // In JSON, null and absent are the same.
                value: value.filter(|value| !value.is_null()),
                ignore_case,
            },
        )
    })
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    test().prop_map(Condition::Test).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|and| Condition::And { and }),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|or| Condition::Or { or }),
            inner.prop_map(|not| Condition::Not { not: Box::new(not) }),
        ]
    })
}

fn variation_key() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => prop::sample::select(&VARIATIONS[..3]),
        1 => Just(VARIATIONS[3]),
    ]
    .prop_map(str::to_owned)
}

fn rollout() -> impl Strategy<Value = Rollout> {
    let sound = (0_u32..=100_000)
        .prop_map(|first| vec![("on".to_owned(), first), ("off".to_owned(), 100_000 - first)]);
    let any = prop::collection::vec((variation_key(), 0_u32..=100_000), 0..4);
    let bucket_by = prop::option::weighted(0.2, prop::sample::select(&ATTRIBUTES[..]));
    (prop_oneof![15 => sound, 1 => any], bucket_by).prop_map(|(shares, bucket_by)| Rollout {
        variations: shares
            .into_iter()
            .map(|(key, weight)| WeightedVariation {
                key,
                weight: Weight::from_thousandths(weight).unwrap(),
            })
            .collect(),
        bucket_by: bucket_by.map(str::to_owned),
        hash: HashKind::Sha256,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![variation_key().prop_map(Outcome::Variation), rollout().prop_map(Outcome::Rollout)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let id = prop_oneof![Just(String::new()), (0..40_u32).prop_map(|n| format!("rule-{n}"))];
    (id, prop::option::weighted(0.9, condition()), outcome())
        .prop_map(|(id, condition, then)| Rule { id, name: None, condition, then })
}

/// Boxed, and so are its users: as one type, the tree of a whole environment would not fit on a stack.
fn experiment() -> BoxedStrategy<ExperimentDefinition> {
    let range = prop_oneof![
        20 => (0_u16..5000, 5001_u16..=10_000).prop_map(|(from, to)| [from, to]),
        1 => any::<[u16; 2]>(),
    ];
    let seed = prop_oneof![
        30 => prop::sample::select(&["traffic:e", "layer:l", "layer:m"][..]),
        1 => Just(""),
    ];
    let slice = (seed, prop::collection::vec(range, 0..3))
        .prop_map(|(seed, ranges)| Slice { seed: seed.to_owned(), ranges });
    (
        prop::option::weighted(0.5, condition()),
        prop::collection::vec(slice, 0..4),
        rollout(),
        prop::option::weighted(0.3, Just("salted".to_owned())),
    )
        .prop_map(|(condition, slices, split, salt)| ExperimentDefinition {
            key: "e".to_owned(),
            rule: "e:1".to_owned(),
            condition,
            slices,
            split,
            salt,
        })
        .boxed()
}

pub(crate) fn flag(key: &'static str) -> impl Strategy<Value = FlagDefinition> {
    let prerequisite =
        (prop::sample::select(&FLAGS[..]), prop::collection::vec(variation_key(), 1..3))
            .prop_map(|(flag, variations)| Prerequisite { flag: flag.to_owned(), variations });
    let target = (
        variation_key(),
        prop::collection::vec(prop::sample::select(&["user-1", "user-2"][..]), 0..3),
    )
        .prop_map(|(variation, keys)| Target {
            variation,
            keys: keys.into_iter().map(str::to_owned).collect(),
        });
    let kind = prop::sample::select(
        &[ValueType::Boolean, ValueType::String, ValueType::Number, ValueType::Json][..],
    );
    (
        (kind, any::<bool>(), prop::bool::weighted(0.9)),
        variation_key(),
        prop::collection::vec(prerequisite, 0..2),
        (prop::collection::vec(target, 0..2), prop::option::weighted(0.4, experiment())),
        prop::collection::vec(rule(), 0..4),
        outcome(),
        prop::option::weighted(0.1, Just("salt".to_owned())),
    )
        .prop_map(
            move |(
                (kind, client_side, enabled),
                off_variation,
                prerequisites,
                (targets, experiment),
                rules,
                default,
                salt,
            )| {
                FlagDefinition {
                    key: key.to_owned(),
                    kind,
                    variations: variations(kind),
                    enabled,
                    off_variation,
                    prerequisites,
                    targets,
                    experiment,
                    rules,
                    default,
                    salt,
                    client_side,
                }
            },
        )
}

fn variations(kind: ValueType) -> Vec<Variation> {
    let values = match kind {
        ValueType::Boolean => [json!(true), json!(false), json!(true)],
        ValueType::String => [json!("x"), json!(""), json!("z")],
        ValueType::Number => [json!(1), json!(2.5), json!(3)],
        ValueType::Json => [json!({}), json!([1]), json!({"a": null})],
    };
    let keys = VARIATIONS.iter().zip(values);
    keys.map(|(key, value)| Variation { key: (*key).to_owned(), name: None, value }).collect()
}

pub(crate) fn segment(key: &'static str) -> impl Strategy<Value = SegmentDefinition> {
    let keys = || {
        prop::collection::vec(
            prop::sample::select(&["user-1", "user-2"][..]).prop_map(str::to_owned),
            0..2,
        )
    };
    (keys(), keys(), prop::collection::vec(condition(), 0..3)).prop_map(
        move |(included, excluded, rules)| SegmentDefinition {
            key: key.to_owned(),
            included,
            excluded,
            rules,
        },
    )
}

pub(crate) fn environment() -> impl Strategy<Value = EnvironmentDefinition> {
    let flags =
        (flag("a"), flag("b"), flag("c"), flag("d")).prop_map(|(a, b, c, d)| vec![a, b, c, d]);
    let segments = (segment("s"), segment("t"), segment("u")).prop_map(|(s, t, u)| vec![s, t, u]);
    (flags, segments).prop_map(|(flags, segments)| EnvironmentDefinition {
        id: "e".to_owned(),
        salt: "0123456789abcdef0123456789abcdef".to_owned(),
        position: "1".to_owned(),
        flags,
        segments,
    })
}

pub(crate) fn context() -> impl Strategy<Value = Value> {
    let names = &[
        "targetingKey",
        "user_key",
        "user_id",
        "country",
        "age",
        "roles",
        "address",
        "version",
        "ip",
    ][..];
    let odd = prop::collection::vec((prop::sample::select(names), json_value()), 0..6).prop_map(
        |fields| {
            let map: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Value::Object(map)
        },
    );
    let usual = (1..3_u32, 0..40_i64, any::<bool>()).prop_map(|(user, age, admin)| {
        json!({
            "targetingKey": format!("user-{user}"), "age": age, "country": "DE", "version": "1.3.0", "ip": "10.1.2.3",
            "roles": if admin { json!(["admin"]) } else { json!([]) }, "address": {"zip": "10115"},
        })
    });
    prop_oneof![2 => usual, 2 => odd, 1 => json_value()]
}
