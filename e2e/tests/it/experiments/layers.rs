//! Experiments of one layer never share a user, and what a layer holds out is in none of them.

use std::collections::BTreeMap;

use ff_e2e::Platform;
use serde_json::json;

use super::{edge_has, evaluate_all, post, run_experiment};

#[tokio::test(flavor = "multi_thread")]
async fn experiments_of_a_layer_share_no_user_and_leave_the_holdout_alone() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let metric = json!({"key": "clicks", "name": "Clicks", "definition": {
        "kind": {"type": "count", "event": "click"}, "better": "higher"}});
    post(&api, "metrics", Some(metric)).await;
    post(&api, "layers", Some(json!({"key": "cart", "name": "Cart", "holdout": 10}))).await;
    let metrics = json!({"primary": ["clicks"]});
    let share = |traffic: u32| json!({"layer": "cart", "traffic": traffic, "metrics": metrics});
    run_experiment(&api, "first", share(40)).await;
    run_experiment(&api, "second", share(50)).await;
    let held = json!({"holdouts": ["cart"], "metrics": metrics});
    let last = run_experiment(&api, "beside", held).await;
    edge_has(&platform, &last.position.unwrap()).await;

    let (edge, key) =
        (platform.value("FF_EDGE_URL").unwrap(), platform.value("FF_DEMO_SERVER_KEY").unwrap());
    let client = reqwest::Client::new();
    let mut seen: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    for user in 0..2_000 {
        let flags = evaluate_all(&client, &edge, &key, &format!("user-{user}")).await;
        let experiments = flags.iter().filter_map(|flag| flag["metadata"]["experiment"].as_str());
        *seen.entry(experiments.map(str::to_owned).collect()).or_default() += 1;
    }
    let count = |keys: &[&str]| {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        seen.iter()
            .find(|(found, _)| {
                let mut found = (*found).clone();
                found.sort();
                found == keys
            })
            .map_or(0, |(_, users)| *users)
    };
    // Shares of 40, 50 and 10 percent of 2,000 users, each within six standard deviations.
    assert!((668..=932).contains(&count(&["beside", "first"])), "{seen:?}");
    assert!((866..=1134).contains(&count(&["beside", "second"])), "{seen:?}");
    assert!((119..=281).contains(&count(&[])), "{seen:?}");
    assert_eq!(
        seen.len(),
        3,
        "every user is in one of the layer's experiments or held out: {seen:?}"
    );
}
