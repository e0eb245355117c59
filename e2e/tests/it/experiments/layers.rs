//! Experiments of one layer never share a user, and what a layer holds out is in none of them.

use std::collections::{BTreeMap, BTreeSet};

use ff_e2e::Platform;
use serde_json::json;

use super::{edge_serves, evaluate_all, experiments_of, post, run_experiment};

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
    run_experiment(&api, "beside", held).await;
    run_experiment(&api, "everyone", json!({"metrics": metrics})).await;

    // It was started last, and everyone is in it.
    edge_serves(&platform, |served| served.contains(&"everyone")).await;

    let (edge, key) =
        (platform.value("FF_EDGE_URL").unwrap(), platform.value("FF_DEMO_SERVER_KEY").unwrap());
    let client = reqwest::Client::new();
    let mut seen: BTreeMap<BTreeSet<String>, u32> = BTreeMap::new();
    for user in 0..2_000 {
        let flags = evaluate_all(&client, &edge, &key, &format!("user-{user}")).await;
        let experiments = experiments_of(&flags).filter(|key| *key != "everyone");
        *seen.entry(experiments.map(str::to_owned).collect()).or_default() += 1;
    }
    let count = |keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        seen.get(&keys).copied().unwrap_or_default()
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
