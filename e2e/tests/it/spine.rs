//! From a command to an evaluated flag: change, event, projections, edge, audit log.

use ff_e2e::{Api, Platform};
use serde_json::{Value, json};

use crate::{PATIENCE, SHOP};

/// What the edge says of a flag.
pub async fn evaluate(
    platform: &Platform,
    key: &str,
    flag: &str,
    context: Value,
) -> anyhow::Result<Value> {
    let edge = platform.value("FF_EDGE_URL")?;
    let response = reqwest::Client::new()
        .post(format!("{edge}/ofrep/v1/evaluate/flags/{flag}"))
        .bearer_auth(key)
        .json(&json!({ "context": context }))
        .send()
        .await?;
    Ok(response.json().await?)
}

/// Waits until the edge gives a flag this value.
pub async fn see(platform: &Platform, key: &str, flag: &str, value: Value) {
    ff_testkit::eventually(PATIENCE, || async {
        match evaluate(platform, key, flag, json!({"targetingKey": "someone"})).await {
            Ok(answer) if answer["value"] == value => Ok(()),
            Ok(answer) => Err(format!("{answer}\n{}", platform.logs())),
            Err(error) => Err(format!("{error:#}\n{}", platform.logs())),
        }
    })
    .await;
}

/// Makes a boolean flag that is on in production, and answers its path.
pub async fn make_flag(api: &Api, key: &str) -> String {
    let flag = json!({
        "key": key, "name": key, "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    });
    let made = api.post(&format!("{SHOP}/flags"), Some(flag)).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("{SHOP}/flags/{key}");
    let on = api.post(&format!("{path}/environments/production/on"), None).await.unwrap();
    assert_eq!(on.status, 200, "{}", on.body);
    // Whoever reads it next, without saying what they have seen, finds it as it was left here.
    let read = api.get_at(&path, on.position.as_deref().unwrap()).await.unwrap();
    assert_eq!(read.status, 200, "{}", read.body);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_at_the_edge_and_in_the_audit_log() {
    let platform = Platform::start().unwrap();
    let key = platform.value("FF_DEMO_SERVER_KEY").unwrap();
    let api = platform.api().await.unwrap();

    let path = make_flag(&api, "spine").await;
    see(&platform, &key, "spine", json!(true)).await;
    let off = api.post(&format!("{path}/environments/production/off"), None).await.unwrap();
    assert_eq!(off.status, 200, "{}", off.body);
    see(&platform, &key, "spine", json!(false)).await;

    let position = off.position.unwrap();
    let read = api.get_at(&path, &position).await.unwrap();
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.body["environments"]["production"]["enabled"], json!(false));
    let audit = api.get_at("/api/v1/orgs/demo/audit?limit=5", &position).await.unwrap();
    assert_eq!(audit.status, 200, "{}", audit.body);
    let newest = &audit.body["items"][0];
    assert_eq!(newest["position"].as_str(), Some(position.as_str()));
    assert_eq!(newest["events"][0]["type"], "flag.turned_off");
    assert_eq!(newest["actor"]["kind"], "user");
    let then = api.get(&format!("{path}?as_of={}", before(&position))).await.unwrap();
    assert_eq!(then.body["environments"]["production"]["enabled"], json!(true), "{}", then.body);

    let verified = platform.ff(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let replayed = platform.ff(&["replay", "--projection", "catalog"]).unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let again = api.get(&path).await.unwrap();
    assert_eq!(again.body, read.body, "a rebuilt catalog reads the same");
}

fn before(position: &str) -> u64 {
    position.parse::<u64>().unwrap() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let purpose = json!({"kind": "sdk_server", "project": "shop", "environment": "production"});
    let issued = api
        .post("/api/v1/orgs/demo/keys", Some(json!({"name": "to be revoked", "purpose": purpose})))
        .await
        .unwrap();
    assert_eq!(issued.status, 201, "{}", issued.body);
    let key = issued.body["key"].as_str().unwrap().to_owned();
    let id = issued.body["id"].as_str().unwrap().to_owned();
    make_flag(&api, "guarded").await;
    see(&platform, &key, "guarded", json!(true)).await;

    let headers = [("If-Match", issued.etag.as_deref().unwrap())];
    let path = format!("/api/v1/orgs/demo/keys/{id}");
    let revoked = api.send(reqwest::Method::DELETE, &path, None, &headers).await.unwrap();
    assert!(revoked.status < 300, "{}", revoked.body);
    ff_testkit::eventually(PATIENCE, || async {
        let answer = evaluate(&platform, &key, "guarded", json!({})).await;
        matches!(answer, Ok(answer) if answer.get("value").is_none())
    })
    .await;
}
