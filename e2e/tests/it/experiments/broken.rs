//! What must not be believed, and what must not go on.

use std::time::Duration;

use ff_e2e::Platform;
use serde_json::{Value, json};

use super::{audit, changes, eventually, post, users};
use crate::{SHOP, spine::evaluate};

#[tokio::test(flavor = "multi_thread")]
async fn missing_exposures_are_noticed_and_block_the_verdict() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();

    let traffic = ["--users", "16000", "--effect", "50%", "--experiment", "srm", "--broken", "srm"];
    platform.traffic(&traffic).unwrap();
    let mismatch = eventually(&platform, &api, "srm", "the alarm", |results| {
        results["health"]["sample_ratio"]["alarm"] == json!(true)
    })
    .await;
    assert_eq!(mismatch["health"]["sound"], false);
    assert_eq!(
        mismatch["recommendation"]["action"], "investigate",
        "{}",
        mismatch["recommendation"]
    );
    assert_eq!(mismatch["recommendation"]["why"], "sample_ratio_mismatch");
    for metric in mismatch["metrics"].as_array().unwrap() {
        let verdict = &metric["comparisons"][0]["verdict"];
        assert_eq!(verdict["state"], "not_estimable", "{}: {verdict}", metric["metric"]["key"]);
        assert_eq!(verdict["reason"]["outcome"], "sample_ratio_mismatch", "{verdict}");
    }
    post(&api, "experiments/srm/stop", None).await;

    let traffic = ["--users", "10000", "--effect", "50%", "--experiment", "lossy", "--seed", "2"];
    platform.traffic(&[&traffic[..], &["--broken", "loss"]].concat()).unwrap();
    let lossy = eventually(&platform, &api, "lossy", "9,500 users", |r| users(r) == 9_500).await;
    let exposures = &lossy["health"]["exposures"];
    assert_eq!(exposures["sent"], 10_000, "{exposures}");
    assert_eq!(exposures["stored"], 9_500, "{exposures}");
    assert_eq!(exposures["alarm"], true, "{exposures}");
    assert_ne!(lossy["recommendation"]["action"], "ship", "{}", lossy["recommendation"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breached_guardrail_pauses_the_experiment_once_and_says_why() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let experiment = || async { api.get(&format!("{SHOP}/experiments/slow")).await.unwrap() };

    // Without a bound on the rate it would all be over before anybody looks.
    let traffic = ["--users", "12000", "--experiment", "slow", "--broken", "guardrail"];
    platform.traffic(&traffic).unwrap();
    ff_testkit::eventually(Duration::from_secs(60), || async {
        let found = experiment().await;
        if found.body["status"] == "paused" {
            Ok(())
        } else {
            Err(found.body["status"].to_string())
        }
    })
    .await;

    let position = experiment().await.position.unwrap();
    let log = audit(&api, &position).await;
    let paused: Vec<&Value> = changes(&log, "experiment.paused");
    assert_eq!(paused.len(), 1, "{paused:?}");
    assert_eq!(paused[0]["actor"]["kind"], "system");
    let comment = paused[0]["comment"].as_str().unwrap();
    assert!(comment.contains("page_load") && comment.contains("green"), "{comment}");
    let key = platform.value("FF_DEMO_SERVER_KEY").unwrap();
    ff_testkit::eventually(crate::PATIENCE, || async {
        let context = json!({"targetingKey": "someone"});
        let answer = evaluate(&platform, &key, "button-color", context).await;
        answer.is_ok_and(|answer| answer["metadata"]["experiment"].is_null())
    })
    .await;

    // A person knows better, and is not overruled by the same evidence.
    let resumed = post(&api, "experiments/slow/resume", None).await;
    let position = resumed.position.unwrap();
    let found = api.get_at(&format!("{SHOP}/experiments/slow"), &position).await.unwrap();
    assert_eq!(found.body["status"], "running", "{}", found.body);
    platform.traffic(&["--users", "2000", "--experiment", "slow", "--seed", "9"]).unwrap();
    eventually(&platform, &api, "slow", "the newest users", |r| users(r) >= 3_000).await;
    let found = experiment().await;
    assert_eq!(found.body["status"], "running");
    let log = audit(&api, &found.position.unwrap()).await;
    assert_eq!(changes(&log, "experiment.paused").len(), 1);
}
