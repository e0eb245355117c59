//! Data without an answer get a typed one, through the JSON lines.

use std::io::Cursor;

use ff_analytics::stats::{answer, run_lines};
use serde_json::{Value, json};

fn ask(group: &str, input: &Value) -> Value {
    let line = json!({ "id": 7, "group": group, "input": input }).to_string();
    let reply: Value = serde_json::from_str(&answer(&line)).unwrap();
    assert_eq!(reply["id"], 7);
    reply["output"].clone()
}

#[test]
fn every_degenerate_input_has_its_outcome() {
    let two = |n: [u64; 2], mean: [f64; 2], variance: [f64; 2]| json!({ "n": n, "mean": mean, "variance": variance });
    let rates = |x: [u64; 2], n: [u64; 2]| json!({ "conversions": x, "n": n, "prior": [1, 1] });
    for (method, input, outcome) in [
        ("welch_t", two([10, 10], [1.0, 2.0], [0.0, 0.0]), "no_variance"),
        ("welch_t", two([10, 10], [1.0, 2.0], [0.0, 1.0]), "ok"),
        ("welch_t", two([1, 10], [1.0, 2.0], [1.0, 1.0]), "too_few"),
        ("welch_t", two([0, 0], [0.0, 0.0], [0.0, 0.0]), "too_few"),
        ("welch_t", two([10, 10], [-1e308, 1e308], [1.0, 1.0]), "not_estimable"),
        ("welch_t", two([10, 10], [1.0, 2.0], [-1.0, 1.0]), "invalid_input"),
        ("relative_lift", two([10, 10], [0.0, 1.0], [1.0, 1.0]), "undefined_relative"),
        ("relative_lift", two([10, 10], [0.1, 1.0], [1.0, 1.0]), "fieller_unbounded"),
        ("chi2_2x2", rates([0, 0], [10, 10]), "no_variance"),
        ("chi2_2x2", rates([10, 10], [10, 10]), "no_variance"),
        ("chi2_2x2", rates([0, 1], [0, 10]), "too_few"),
        ("chi2_2x2", rates([11, 1], [10, 10]), "invalid_input"),
        ("fisher_exact", rates([0, 0], [10, 10]), "ok"),
        ("prop_diff_ci", rates([0, 0], [0, 10]), "too_few"),
        ("wilson_ci", json!({ "x": 0, "n": 0 }), "too_few"),
        ("bayes_beta_binomial", rates([0, 0], [0, 0]), "ok"),
        ("srm", json!({ "observed": [0, 0], "weights": [1, 1] }), "too_few"),
        (
            "srm",
            json!({ "observed": [5, 5, 1], "weights": [1, 1, 0] }),
            "leak_into_zero_weight_arm",
        ),
        ("srm", json!({ "observed": [5, 5, 0], "weights": [1, 1, 0] }), "ok"),
        ("srm", json!({ "observed": [5, 5], "weights": [0, 0] }), "invalid_input"),
        ("moments", json!({ "values": [1.0] }), "too_few"),
        ("heterogeneity", json!({ "effects": [1.0, 2.0], "se": [0.0, 1.0] }), "no_variance"),
        ("heterogeneity", json!({ "effects": [1.0], "se": [1.0] }), "too_few"),
        ("quantile_iid", json!({ "values": [1.0, 2.0, 3.0], "quantile": 0.99 }), "too_few"),
        ("gs_lan_demets", json!({ "information_fractions": [0.5, 0.5, 1] }), "no_new_information"),
        ("gs_lan_demets", json!({ "information_fractions": [0.5, 0.4, 1] }), "no_new_information"),
        ("gs_lan_demets", json!({ "information_fractions": [0.5, 1.2] }), "clamp_to_1"),
        ("gs_lan_demets", json!({ "information_fractions": [0.5, 1] }), "ok"),
        (
            "sample_size_mean",
            json!({ "control_mean": 10, "variance": 25, "mde_relative": 0, "power": 0.8 }),
            "not_estimable",
        ),
        (
            "mde",
            json!({ "n": [10, 10], "control_mean": 1, "variance": 0, "power": 0.8 }),
            "no_variance",
        ),
        ("welch_t", json!({}), "invalid_input"),
    ] {
        let mut input = input;
        input["method"] = method.into();
        assert_eq!(ask("degenerate", &input)["outcome"], outcome, "{input}");
    }
}

#[test]
fn a_ratio_and_a_covariate_that_do_not_vary() {
    let pairs =
        |first: [f64; 3], second: [f64; 3]| json!({ "numerator": first, "denominator": second });
    let cuped = |pre: [f64; 3], post: [f64; 3]| json!({ "pre": pre, "post": post });
    let both =
        |control: Value, treatment: Value| json!({ "control": control, "treatment": treatment });
    let zero = both(pairs([1.0; 3], [0.0; 3]), pairs([1.0; 3], [1.0; 3]));
    assert_eq!(ask("ratio_delta", &zero)["outcome"], "not_estimable");
    let same =
        both(pairs([1.0, 2.0, 3.0], [3.0, 6.0, 9.0]), pairs([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]));
    assert_eq!(ask("ratio_delta", &same)["outcome"], "no_variance");
    let constant = both(cuped([5.0; 3], [1.0, 2.0, 4.0]), cuped([5.0; 3], [2.0, 3.0, 7.0]));
    let output = ask("cuped", &constant);
    assert_eq!(output["ancova_estimate"], output["unadjusted_estimate"]);
    assert_eq!(output["ancova_se"], output["unadjusted_se"]);
    let explained =
        both(cuped([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]), cuped([1.0, 3.0, 4.0], [2.0, 6.0, 8.0]));
    assert_eq!(ask("cuped", &explained)["outcome"], "no_variance");
}

#[test]
fn lines_that_are_no_question_are_answered_too() {
    let input = "not json\n\n[1]\n{\"id\":\"a\"}\n{\"id\":1,\"group\":\"nope\",\"input\":{}}\n\
                 {\"id\":2,\"group\":\"welch_t\",\"input\":{\"n\":[1.5,2]}}\n\
                 {\"id\":3,\"group\":\"special_normal_crit\",\"input\":{\"upper_tail\":0.5}}";
    let mut bytes = input.as_bytes().to_vec();
    bytes.extend(b"\n\xff\xfe\n");
    let mut output = Vec::new();
    run_lines(Cursor::new(bytes), &mut output).unwrap();
    let replies: Vec<Value> = output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let ids: Vec<_> = replies.iter().map(|reply| reply["id"].clone()).collect();
    assert_eq!(
        ids,
        [Value::Null, Value::Null, json!("a"), json!(1), json!(2), json!(3), Value::Null]
    );
    let errors: Vec<_> = replies.iter().map(|reply| reply["error"].is_string()).collect();
    assert_eq!(errors, [true, true, true, true, true, false, true]);
    assert_eq!(replies[5]["output"]["z"], 0.0);
}
