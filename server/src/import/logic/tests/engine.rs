//! Every comparison, on values of every kind, against the engine's own comparison of the two values.

use serde_json::{Value, json};

use super::super::compare::{Checked, answer};
use super::super::javascript::{Comparison, number};
use super::serves;

/// Whether a text reads as a number in another spelling than the one that is kept.
fn reads_as_number(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty()) && !number(value).is_nan()
}

/// Every comparison of every value with every constant, from both sides and in both modes, answers as the engine's
/// comparison of the two.
#[test]
fn every_comparison_answers_as_the_engine() {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(18),
        json!(19),
        json!(""),
        json!("1"),
        json!("18"),
        json!("a"),
        json!("m"),
        json!("z"),
        json!(" "),
        json!("true"),
    ];
    let comparisons = [
        ("==", Comparison::Equal),
        ("===", Comparison::Identical),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ];
    let mut compared = 0;
    for (name, comparison) in comparisons {
        for constant in &values {
            for (swapped, interpreted) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let checked = match (interpreted, swapped) {
                    (true, _) => Checked::Interpreted,
                    (false, false) => Checked::Both,
                    (false, true) => Checked::NeitherSide,
                };
                let (mut sides, var) = (vec![constant.clone()], json!({"var": "a"}));
                sides.insert(usize::from(swapped), var);
                let mut branches = vec![json!({name: sides}), json!("on")];
                if !interpreted {
                    branches.push(json!(null));
                }
                let targeting = json!({"if": branches});
                for value in &values {
                    let (left, right) = if swapped { (constant, value) } else { (value, constant) };
                    let Some(expected) = answer(comparison, left, right, checked) else { continue };
                    let texts = constant.is_string() || comparison == Comparison::Identical;
                    if reads_as_number(value) && !texts {
                        continue;
                    }
                    let served = serves(&targeting, json!({"a": value}));
                    assert_eq!(served == "on", expected, "{targeting} for {value}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 4000, "{compared}");
}
