//! Every number that another implementation has published, within its tolerance, through the JSON lines.

use std::collections::BTreeSet;

use crate::fixtures::read;

#[test]
fn published_implementations_agree() {
    let cases = read("published.jsonl");
    let groups: BTreeSet<_> = cases.iter().map(|case| case.group.clone()).collect();
    assert_eq!((cases.len(), groups.len()), (107, 43));
    let differences: Vec<_> = cases.iter().flat_map(|case| case.differences()).collect();
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn arithmetic_of_forty_digits_agrees() {
    let cases = read("high_precision.jsonl");
    assert!(cases.len() > 400);
    let differences: Vec<_> = cases.iter().flat_map(|case| case.differences()).collect();
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}
