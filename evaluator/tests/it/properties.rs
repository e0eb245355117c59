//! What holds for every definition and every context.

use ff_evaluator::{
    Config, Context, EnvironmentDefinition, ErrorCode, FlagDefinition, HashKind, Outcome, Reason,
    Rollout, Weight, WeightedVariation, references, validate, validate_segment,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::strategies;

fn now() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    prop_oneof![Just(1_795_380_571), seconds]
        .prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn rolled_out(key: &str, first: u32) -> FlagDefinition {
    let mut flag: FlagDefinition = serde_json::from_value(json!({
        "key": key, "type": "boolean", "enabled": true, "off_variation": "no", "default": {"variation": "no"},
        "variations": [{"key": "yes", "value": true}, {"key": "no", "value": false}],
    }))
    .unwrap();
    let share = |key: &str, weight| WeightedVariation {
        key: key.to_owned(),
        weight: Weight::from_thousandths(weight).unwrap(),
    };
    flag.default = Outcome::Rollout(Rollout {
        variations: vec![share("yes", first), share("no", 100_000 - first)],
        bucket_by: None,
        hash: HashKind::Sha256,
    });
    flag
}

fn environment(flag: FlagDefinition) -> EnvironmentDefinition {
    EnvironmentDefinition {
        id: "e".to_owned(),
        salt: "0123456789abcdef0123456789abcdef".to_owned(),
        position: "1".to_owned(),
        flags: vec![flag],
        segments: Vec::new(),
    }
}

/// Who of the first thousand users gets `yes`.
fn admitted(flag: FlagDefinition) -> Vec<bool> {
    let (config, defects) = Config::compile(&environment(flag));
    assert!(defects.is_empty());
    (0..1000)
        .map(|user| {
            let context =
                Context::from_json(json!({"targetingKey": format!("user-{user}")})).unwrap();
            config.evaluate("f", &context, Timestamp::UNIX_EPOCH).variation == Some("yes")
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_question_has_one_answer_and_explanations_give_the_same(
        environment in strategies::environment(),
        context in strategies::context(),
        now in now(),
    ) {
        let (config, _) = Config::compile(&environment);
        let Ok(context) = Context::from_json(context) else { return Ok(()) };
        for key in ["a", "b", "c", "d", "gone", "nothing", ""] {
            let answer = config.evaluate(key, &context, now);
            let failed = answer.reason == Reason::Error;
            prop_assert_eq!(answer.error.is_some(), failed);
            prop_assert_eq!(answer.value.is_none(), failed);
            prop_assert_eq!(answer.variation.is_none(), failed);
            prop_assert_eq!(answer.variation_index.is_none(), failed);
            prop_assert_eq!(
                answer.error == Some(ErrorCode::FlagNotFound),
                !["a", "b", "c", "d"].contains(&key)
            );
            let explanation = config.explain(key, &context, now);
            prop_assert_eq!(explanation.value.as_ref(), answer.value);
            prop_assert_eq!(explanation.variation.as_deref(), answer.variation);
            prop_assert_eq!(explanation.reason, answer.reason);
            prop_assert_eq!(explanation.error, answer.error);
            prop_assert_eq!(explanation.rule.as_deref(), answer.rule);
            prop_assert_eq!(explanation.experiment.as_deref(), answer.experiment);
            if answer.experiment.is_some() {
                prop_assert_eq!((answer.reason, answer.rule), (Reason::Split, Some("e:1")));
            }
            prop_assert!(serde_json::to_value(&explanation).is_ok());
            if let Some(handle) = config.flag(key) {
                prop_assert_eq!(config.evaluate_at(handle, &context, now), answer);
            }
        }
    }

    #[test]
    fn what_is_validated_compiles(environment in strategies::environment()) {
        let (_, defects) = Config::compile(&environment);
        let flags = ["a", "b", "c", "d"];
        let segments = ["s", "t", "u"];
        for flag in &environment.flags {
            let refers_well = {
                let references = references(flag);
                references.flags.keys().all(|key| flags.contains(&key.as_str()))
                    && references.segments.iter().all(|key| segments.contains(&key.as_str()))
            };
            let sound = validate(flag).is_empty();
            let defect = defects.iter().any(|defect| defect.key == flag.key);
            // References of a definition that does not compile may be in the part that does not.
            if sound {
                prop_assert_eq!(defect, !refers_well, "{:?}", defects);
            } else {
                prop_assert!(defect);
            }
        }
        for segment in &environment.segments {
            if !validate_segment(segment).is_empty() {
                prop_assert!(defects.iter().any(|defect| defect.key == segment.key));
            }
        }
    }

    #[test]
    fn definitions_survive_a_round_trip(environment in strategies::environment()) {
        let json = serde_json::to_string(&environment).unwrap();
        let back: EnvironmentDefinition = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back, environment);
    }

    #[test]
    fn compiling_piece_by_piece_is_compiling_at_once(
        old in strategies::environment(),
        new in strategies::environment(),
        context in strategies::context(),
        now in now(),
    ) {
        use ff_evaluator::Change;
        let Ok(context) = Context::from_json(context) else { return Ok(()) };
        let mut grown = Config::compile(&old).0;
        let segments = new.segments.iter().map(Change::PutSegment);
        for change in new.flags.iter().map(Change::PutFlag).chain(segments) {
            grown = grown.recompile(&new.position, [change]).0;
        }
        let whole = Config::compile(&new).0;
        for key in ["a", "b", "c", "d", "gone"] {
            prop_assert_eq!(grown.evaluate(key, &context, now), whole.evaluate(key, &context, now));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_step_moves_only_the_users_it_must(percent in 0_u32..100) {
        let before = admitted(rolled_out("f", percent * 1000));
        let after = admitted(rolled_out("f", (percent + 1) * 1000));
        prop_assert!(before.iter().zip(&after).all(|(before, after)| *after || !*before));
    }

    #[test]
    fn salts_and_keys_make_independent_buckets(salt in "[0-9a-f]{32}", key in "[a-z]{1,20}") {
        let mut buckets: Vec<u16> =
            (0..300).map(|user| ff_evaluator::bucket(&salt, &key, &user.to_string())).collect();
        prop_assert!(buckets.iter().all(|bucket| *bucket < 10_000));
        buckets.sort_unstable();
        buckets.dedup();
        // 300 of 10,000 collide about four times; a constant or a short cycle would collide far more.
        prop_assert!(buckets.len() > 260);
    }
}

#[test]
fn a_one_percent_step_moves_about_one_percent() {
    let half = admitted(rolled_out("f", 50_000)).iter().filter(|yes| **yes).count();
    assert!((450..550).contains(&half), "{half}");
    assert_eq!(admitted(rolled_out("f", 0)), vec![false; 1000]);
    assert_eq!(admitted(rolled_out("f", 100_000)), vec![true; 1000]);
}
