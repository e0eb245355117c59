//! A key that another has taken the place of.

use ff_domain::ApiKeyId;
use serde_json::Value;

use super::{publish, scenario::Scenario, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_is_told_when_it_ends() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let key = scenario.server_key("live").await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, scenario.position).await;
    let before = published.object(live, "key", key.0);
    assert_eq!(before["expires_at"], Value::Null);

    let end = "2030-01-01T00:00:00Z";
    let by = ApiKeyId(uuid::Uuid::from_u128(9));
    let replaced = scenario.replace(key, by, end.parse().unwrap()).await;
    let published = until(&client, replaced).await;
    published.check_hashes();
    let after = published.object(live, "key", key.0);
    assert_eq!(after["expires_at"], end);
    assert_eq!(after["hash"], before["hash"]);
    publisher.abort();
}
