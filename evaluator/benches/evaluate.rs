//! The same cases under criterion, for comparing one state of the code with another on one machine.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod environments;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_evaluator::Change;
use jiff::Timestamp;
use serde_json::json;

fn evaluate(criterion: &mut Criterion) {
    let (large, hundred, user) =
        (environments::large(), environments::hundred(), environments::user());
    let now = Timestamp::UNIX_EPOCH;
    for key in [
        environments::SIMPLY_ON,
        environments::OFF,
        environments::ONE_RULE,
        environments::TEN_RULES,
        environments::EXPERIMENT,
    ] {
        criterion.bench_function(key, |bencher| {
            bencher.iter(|| black_box(large.evaluate(black_box(key), black_box(&user), now)));
        });
    }
    criterion.bench_function("all-100", |bencher| {
        bencher.iter(|| {
            for answer in hundred.evaluate_all(black_box(&user), now) {
                black_box(answer);
            }
        });
    });
}

fn recompile(criterion: &mut Criterion) {
    let config = environments::large();
    let flag = serde_json::from_value(json!({
        "key": environments::SIMPLY_ON, "type": "boolean", "enabled": true, "off_variation": "off",
        "default": {"variation": "off"},
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
    }))
    .expect("the flag follows the model");
    criterion.bench_function("recompile-1-of-1000", |bencher| {
        bencher.iter(|| black_box(config.recompile("2", [Change::PutFlag(&flag)])));
    });
}

criterion_group!(benches, evaluate, recompile);
criterion_main!(benches);
