//! Nothing that was acknowledged is lost, whatever is killed.

use std::{collections::BTreeSet, time::Duration};

use ff_e2e::Platform;
use rand::seq::IndexedRandom as _;
use serde_json::json;

use crate::{
    PATIENCE, SHOP,
    spine::{make_flag, see},
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_killing_everything() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let path = make_flag(&api, "survivor").await;
    let before = api.get(&path).await.unwrap();
    let environment = platform.environment().unwrap();

    platform.kill_everything().unwrap();
    platform.up().unwrap();

    assert_eq!(platform.environment().unwrap(), environment, "login and keys stay the same");
    see(&platform, &environment["FF_DEMO_SERVER_KEY"], "survivor", json!(true)).await;
    let after = platform.api().await.unwrap().get(&path).await.unwrap();
    assert_eq!(after.body, before.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_random_kills_and_projections_equal_a_replay() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let mut acknowledged = BTreeSet::new();
    let victims = ["control", "nats", "projector", "postgres", "edge", "control", "nats"];
    for (round, victim) in victims.into_iter().enumerate() {
        let writers = (0..4).map(|writer| {
            let api = api.clone();
            async move {
                let mut made = Vec::new();
                for number in 0..8 {
                    let key = format!("kill-{round}-{writer}-{number}");
                    let flag = json!({
                        "key": key, "name": key, "type": "boolean",
                        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
                        "initial": {"off_variation": "off", "default_variation": "on"},
                    });
                    // A refused or broken request is what a kill looks like; only a 201 is a promise.
                    if let Ok(answer) = api.post(&format!("{SHOP}/flags"), Some(flag)).await
                        && answer.status == 201
                    {
                        made.push(key);
                    }
                }
                made
            }
        });
        let writers: Vec<_> = writers.map(tokio::spawn).collect();
        let pause = *[5_u64, 20, 50, 90].choose(&mut rand::rng()).unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        platform.kill(victim).unwrap();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        ready(&api).await;
    }
    assert!(!acknowledged.is_empty());

    // A command of now is behind everything before it: once it is read, all of it can be.
    let last = api
        .send(
            reqwest::Method::POST,
            &format!("{SHOP}/flags/new-checkout/environments/staging/on"),
            None,
            &[],
        )
        .await
        .unwrap();
    let position = last.position.unwrap();
    let mut listed = BTreeSet::new();
    let mut next = Some(format!("{SHOP}/flags?limit=200&search=kill-"));
    while let Some(path) = next.take() {
        let page = api.get_at(&path, &position).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        for item in page.body["items"].as_array().unwrap() {
            assert!(
                listed.insert(item["key"].as_str().unwrap().to_owned()),
                "{} is listed twice",
                item["key"]
            );
        }
        if let Some(cursor) = page.body["next_cursor"].as_str() {
            next = Some(format!("{SHOP}/flags?limit=200&search=kill-&cursor={cursor}"));
        }
    }
    let lost: Vec<_> = acknowledged.difference(&listed).collect();
    assert!(lost.is_empty(), "acknowledged, but lost: {lost:?}");

    let verified = platform.ff(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let compared = platform.ff(&["replay", "--projection", "catalog", "--compare"]).unwrap();
    let said = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.status.success(), "{said}{}", String::from_utf8_lossy(&compared.stderr));
    assert!(said.contains("identical"), "{said}");
}

/// Waits until commands and queries work again.
async fn ready(api: &ff_e2e::Api) {
    ff_testkit::eventually(PATIENCE, || async {
        let on =
            api.post(&format!("{SHOP}/flags/new-checkout/environments/staging/off"), None).await;
        match on {
            Ok(answer) if answer.status == 200 => {
                let position = answer.position.unwrap_or_default();
                matches!(api.get_at(SHOP, &position).await, Ok(read) if read.status == 200)
            }
            _ => false,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_answers_while_everything_behind_it_is_down() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let key = platform.value("FF_DEMO_SERVER_KEY").unwrap();
    make_flag(&api, "lonely").await;
    see(&platform, &key, "lonely", json!(true)).await;
    // The copy on disk is a moment behind what is in memory.
    let copies = platform.folder().join(".local/data/edge");
    ff_testkit::eventually(PATIENCE, || async { holds(&copies, "lonely") }).await;
    // Only a supervised process comes back, so the supervisor goes first, and its children with it.
    platform.kill_everything().unwrap();

    let edge = platform.start_alone("edge").unwrap();
    see(&platform, &key, "lonely", json!(true)).await;
    drop(edge);
}

/// Whether a file of the folder has this text in it.
fn holds(folder: &std::path::Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read(file.path()).ok())
        .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}
