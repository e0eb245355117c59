//! Many people at one flag: nobody's change is lost, and whoever is refused is told what to build on.

use std::{collections::BTreeMap, time::Duration};

use ff_e2e::{Answer, Api, Platform};
use reqwest::Method;
use serde_json::{Value, json};

use crate::spine::make_flag;

/// How many people.
const CLIENTS: usize = 100;
/// How many changes each of them makes.
const CHANGES: usize = 2;

/// What came of one person's work.
#[derive(Default)]
struct Work {
    /// The tags that were acknowledged, by the version that each made.
    made: BTreeMap<u64, String>,
    refused: usize,
    /// The position of the last of them.
    position: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_edit_one_flag_and_no_change_is_lost() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let path = make_flag(&api, "contended").await;
    let before = version(&api.get(&path).await.unwrap());

    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let purpose = json!({"kind": "api_token", "role": "editor"});
        let key = json!({"name": format!("client {client}"), "purpose": purpose});
        let issued = api.post("/api/v1/orgs/demo/keys", Some(key)).await.unwrap();
        assert_eq!(issued.status, 201, "{}", issued.body);
        clients.push(api.with_token(issued.body["key"].as_str().unwrap()));
    }
    let clients = clients
        .into_iter()
        .enumerate()
        .map(|(client, api)| tokio::spawn(edit(api, path.clone(), client)));
    let mut made = BTreeMap::new();
    let (mut refused, mut position) = (0, 0);
    for work in futures::future::join_all(clients).await {
        let work = work.unwrap();
        assert_eq!(work.made.len(), CHANGES);
        refused += work.refused;
        position = position.max(work.position);
        for (version, tag) in work.made {
            let other = made.insert(version, tag);
            assert_eq!(other, None, "version {version} was acknowledged twice");
        }
    }
    assert!(refused > 0, "nobody met anybody, so nothing was tested");

    let last = *made.last_key_value().unwrap().0;
    let versions: Vec<u64> = made.keys().copied().collect();
    assert_eq!(versions, (before + 1..=last).collect::<Vec<_>>());
    assert_eq!(made.len(), CLIENTS * CHANGES);
    let position = position.to_string();
    let after = api.get_at(&path, &position).await.unwrap();
    assert_eq!(version(&after), last);
    assert_eq!(after.body["tags"], json!([made[&last]]));
    assert_eq!(history(&api, &path, &position, before).await, made.into_iter().collect::<Vec<_>>());
}

/// Reads the flag and changes it, again and again, until all changes of this client are acknowledged.
async fn edit(api: Api, path: String, client: usize) -> Work {
    let mut work = Work::default();
    let mut known = loop {
        let answer = api.get(&path).await.unwrap();
        match answer.status {
            200 => break tag_of(&answer),
            429 | 503 => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other}: {}", answer.body),
        }
    };
    for number in 0..CHANGES {
        let mine = format!("{client}-{number}");
        loop {
            let body = json!({"tags": [mine]});
            // A change whose answer got lost may have been made: asked for again under its key, it is answered and not
            // made twice.
            let headers = [("If-Match", known.as_str()), ("Idempotency-Key", mine.as_str())];
            let answer = api.send(Method::PATCH, &path, Some(body), &headers).await.unwrap();
            match answer.status {
                200 => {
                    work.made.insert(version(&answer), mine);
                    work.position = answer.position.as_deref().unwrap().parse().unwrap();
                    known = tag_of(&answer);
                    break;
                }
                412 => {
                    work.refused += 1;
                    assert_eq!(answer.body["code"], "FF-2002", "{}", answer.body);
                    let now = tag_of(&answer);
                    assert!(parse(&now) > parse(&known), "{now} is no news to who knows {known}");
                    known = now;
                }
                // Too many at once, or nobody knows: ask again.
                429 | 503 => tokio::time::sleep(Duration::from_millis(50)).await,
                other => panic!("{other}: {}", answer.body),
            }
        }
    }
    work
}

/// The tags that the flag's history has after a version, in its order, with the version that each made.
async fn history(api: &Api, path: &str, position: &str, before: u64) -> Vec<(u64, String)> {
    let (mut found, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next.take() {
        let page = format!("{path}/history?limit=100{cursor}");
        let page = api.get_at(&page, position).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        for item in page.body["items"].as_array().unwrap() {
            let version = item["version"].as_u64().unwrap();
            if version > before {
                let tag = item["event"]["data"]["tags"][0].as_str();
                found.push((version, tag.unwrap_or_else(|| panic!("{item}")).to_owned()));
            }
        }
        next = page.body["next_cursor"].as_str().map(|cursor| format!("&cursor={cursor}"));
    }
    found
}

/// The `ETag`, which every answer has that knows the flag: also the refusal.
fn tag_of(answer: &Answer) -> String {
    answer.etag.clone().unwrap_or_else(|| panic!("no ETag: {} {}", answer.status, answer.body))
}

fn version(answer: &Answer) -> u64 {
    let version = parse(&tag_of(answer));
    if let Value::Number(told) = &answer.body["version"] {
        assert_eq!(told.as_u64(), Some(version));
    }
    version
}

fn parse(tag: &str) -> u64 {
    tag.trim_matches('"').parse().unwrap()
}
