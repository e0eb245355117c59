//! The whole document, as a page gets it.

use ff_analytics::figures::Breakdown;
use ff_analytics::report::results;
use serde_json::Value;

use super::lab::{binomial, days, guardrail, lower, mean, plan, primary, share, with_covariate};

#[test]
fn the_document() {
    let mut plan = plan(vec![primary(mean("revenue")), guardrail(lower(binomial("errors")), 0.5)]);
    plan.analysis.planned_users = Some(3000);
    plan.analysis.breakdowns = vec!["country".to_owned()];
    let part = |n: u64, with: f64| {
        vec![with_covariate(n, 10.0, 25.0, (8.0, 0.5)), with_covariate(n, with, 25.0, (8.0, 0.5))]
    };
    let mut figures = days(3, |day| {
        vec![part(500 * day, 10.5), vec![share(500 * day, 25 * day), share(500 * day, 24 * day)]]
    });
    let newest = &mut figures.points.last_mut().unwrap().metrics[0];
    newest.breakdowns = [("de", 1000, 10.6), ("fr", 400, 10.3), ("", 100, 10.3)]
        .map(|(value, n, with)| Breakdown {
            attribute: "country".to_owned(),
            value: value.to_owned(),
            arms: part(n, with),
        })
        .into();
    let mut document = serde_json::to_value(results(&plan, &figures)).unwrap();
    round(&mut document);
    insta::assert_json_snapshot!(document);
}

/// To seven digits: the last ones may differ between processors.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = format!("{:.6e}", number.as_f64().unwrap()).parse::<f64>().unwrap();
            *value = Value::from(rounded);
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}
