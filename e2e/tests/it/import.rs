//! Flags of another system, brought into a running platform.

use ff_e2e::Platform;
use serde_json::json;

use crate::{SHOP, spine::see};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/flagd/values.json");

/// Runs `ff import flagd` and answers whether it succeeded, and what it said.
fn import(platform: &Platform, more: &[&str]) -> (bool, String) {
    let (url, token) =
        (platform.value("FF_CONTROL_URL").unwrap(), platform.value("FF_DEMO_API_TOKEN").unwrap());
    let mut arguments =
        vec!["import", "flagd", FILE, "--project", "shop", "--environment", "production"];
    arguments.extend(["--url", &url, "--token", &token]);
    arguments.extend(more);
    let output = platform.ff(&arguments).unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn flagd_flags_are_shown_imported_served_and_left_alone_the_second_time() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let position = || async {
        let audit = api.get("/api/v1/orgs/demo/audit?limit=1").await.unwrap();
        audit.body["items"][0]["position"].as_str().unwrap().to_owned()
    };
    let definitions: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let (key, flag) = definitions["flags"]
        .as_object()
        .unwrap()
        .iter()
        .find(|(_, flag)| flag["state"] == "ENABLED" && flag.get("targeting").is_none())
        .expect("the file has a flag that is the same for everyone");
    let value = &flag["variants"][flag["defaultVariant"].as_str().unwrap()];

    let before = position().await;
    let (done, said) = import(&platform, &["--dry-run"]);
    assert!(done, "{said}");
    assert!(said.contains(&format!("+ flag {key}")), "{said}");
    assert_eq!(position().await, before, "a dry run changes nothing");

    let (done, said) = import(&platform, &[]);
    assert!(done, "{said}");
    see(&platform, &platform.value("FF_DEMO_SERVER_KEY").unwrap(), key, json!(value)).await;

    let flag = api.get(&format!("{SHOP}/flags/{key}")).await.unwrap();
    let after = position().await;
    let (done, said) = import(&platform, &[]);
    assert!(done && said.contains("nothing to change"), "{said}");
    assert_eq!(position().await, after, "nothing was committed");
    assert_eq!(api.get(&format!("{SHOP}/flags/{key}")).await.unwrap().etag, flag.etag);
}
