//! Whatever comes in, an answer comes out: no panic, no hang, no NaN.

use ff_analytics::stats::answer;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::read;

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(-1)),
        Just(json!(2)),
        Just(json!(1e9)),
        Just(json!(9_007_199_254_740_992_u64)),
        Just(json!(1e308)),
        Just(json!(-1e308)),
        Just(json!(5e-324)),
        Just(json!(1e-300)),
        Just(json!(0.5)),
        Just(json!(0.05)),
        Just(json!(1.0 - f64::EPSILON)),
        (0u32..1000).prop_map(|x| json!(x)),
        (-5.0..5.0).prop_map(|x| json!(x)),
        (-320i32..308).prop_map(|x| json!(10f64.powi(x))),
        any::<f64>().prop_map(|x| json!(x)),
        Just(Value::Null),
        Just(json!("NaN")),
    ]
}

/// Puts `replacements` where numbers are, one after another.
fn replace(value: &mut Value, replacements: &mut dyn Iterator<Item = Option<Value>>) {
    match value {
        Value::Number(_) => {
            if let Some(Some(replacement)) = replacements.next() {
                *value = replacement;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, replacements)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, replacements)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_number_anywhere_has_an_answer(
        case in 0usize..107,
        numbers in prop::collection::vec(prop::option::of(number()), 1..12),
    ) {
        let cases = CASES.get_or_init(|| read("published.jsonl"));
        let case = &cases[case];
        let mut input = case.input.clone();
        let mut around = numbers.into_iter().cycle();
        replace(&mut input, &mut around);
        // Many looks are slow, not wrong; other tests have them.
        if input["looks"].as_u64().is_some_and(|looks| looks > 20 && looks <= 400) {
            input["looks"] = json!(20);
        }
        let line = json!({ "id": 1, "group": case.group, "input": input }).to_string();
        let reply: Value = serde_json::from_str(&answer(&line)).unwrap();
        prop_assert!(reply["output"].is_object() || reply["error"].is_string(), "{}", reply);
    }

    #[test]
    fn any_text_has_an_answer(line in ".{0,80}") {
        let reply: Value = serde_json::from_str(&answer(&line)).unwrap();
        prop_assert!(reply.get("id").is_some());
    }
}

static CASES: std::sync::OnceLock<Vec<crate::fixtures::Case>> = std::sync::OnceLock::new();

#[test]
fn deep_and_large_input_is_answered() {
    let deep = format!("{{\"id\":1,\"group\":\"welch_t\",\"input\":{}", "[".repeat(100_000));
    assert!(answer(&deep).contains("error"));
    let looks = json!({ "id": 1, "group": "gs_pocock", "input": { "looks": 60_000 } });
    assert!(answer(&looks.to_string()).contains("invalid_input"));
    let values = vec![1.5; 100_000];
    let many = json!({ "id": 1, "group": "moments", "input": { "values": values } });
    assert!(answer(&many.to_string()).contains("\"variance\":0.0"));
}

#[test]
fn a_billion_users_are_no_problem() {
    let n = 1_000_000_000_u64;
    for (group, input) in [
        (
            "bayes_beta_binomial",
            json!({ "conversions": [n / 10, n / 10 + 20_000], "n": [n, n], "prior": [1, 1] }),
        ),
        ("fisher_exact", json!({ "conversions": [n / 2, n / 2 + 20_000], "n": [n, n] })),
        ("chi2_2x2", json!({ "conversions": [n / 2, n / 2 + 20_000], "n": [n, n] })),
        ("srm", json!({ "observed": [n, n + 20_000], "weights": [1, 1] })),
        ("welch_t", json!({ "n": [n, n], "mean": [1.0, 1.00001], "variance": [1.0, 1.0] })),
    ] {
        let line = json!({ "id": 1, "group": group, "input": input }).to_string();
        let reply: Value = serde_json::from_str(&answer(&line)).unwrap();
        let fields = reply["output"].as_object().unwrap();
        assert!(fields.values().all(|value| value.is_number() || value.is_boolean()), "{reply}");
    }
}
