//! What was said once can be said again.

use ff_e2e::Platform;

use super::{eventually, results, users};

#[tokio::test(flavor = "multi_thread")]
async fn results_of_an_earlier_position_come_out_the_same_again() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let traffic = |seed, users| {
        platform
            .traffic(&[
                "--users",
                users,
                "--effect",
                "20%",
                "--experiment",
                "again",
                "--seed",
                seed,
            ])
            .unwrap()
    };
    traffic("1", "4000");
    let first = eventually(&platform, &api, "again", "4,000 users", |r| users(r) == 4_000).await;
    // The counts are there before the last deeds are: wait until nothing moves any more.
    let first = settled(&platform, &api, first).await;

    traffic("2", "2000");
    let second = eventually(&platform, &api, "again", "6,000 users", |r| users(r) == 6_000).await;
    assert_ne!(second["metrics"], first["metrics"]);

    let text = |name: &str| first["as_of"][name].as_str().unwrap().to_owned();
    let (log, telemetry) = (text("log_position"), text("telemetry_position"));
    let query = format!("?position={log}&telemetry_position={telemetry}");
    for _ in 0..2 {
        let again = results(&platform, &api, "again", &query).await;
        assert_eq!(again.status, 200, "{}", again.body);
        for part in first.as_object().unwrap().keys() {
            assert_eq!(again.body[part], first[part], "{part}");
        }
        assert_eq!(again.body, first);
    }

    let never = results(&platform, &api, "again", "?telemetry_position=9000000000000").await;
    assert_eq!(never.status, 404, "{}", never.body);
}

/// The results once two in a row are of the same telemetry.
async fn settled(
    platform: &Platform,
    api: &ff_e2e::Api,
    mut before: serde_json::Value,
) -> serde_json::Value {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let now = results(platform, api, "again", "").await.body;
        if now["as_of"] == before["as_of"] {
            return now;
        }
        before = now;
    }
}
