//! What happened at the doors, as a file for the operator.

use std::time::Duration;

use ff_e2e::Platform;
use ff_testkit::eventually;
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_exports_what_happened_at_the_doors() {
    let platform = Platform::start().unwrap();
    let control = platform.value("FF_CONTROL_URL").unwrap();
    let wrong = json!({"email": "nobody@example.com", "password": "wrong"});
    let refused = Client::new().post(format!("{control}/api/v1/sessions")).json(&wrong);
    assert_eq!(refused.send().await.unwrap().status(), 401);
    let token = platform.value("FF_DEMO_API_TOKEN").unwrap();
    let denied = Client::new().get(format!("{control}/api/v1/orgs/demo/sign-in-connections"));
    assert_eq!(denied.bearer_auth(token).send().await.unwrap().status(), 403);

    let export = |arguments: &[&str]| {
        let output = platform.ff(&[&["security", "export"], arguments].concat()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), said)
    };
    let lines = |scope: &[&str]| -> Vec<Value> {
        let (done, file, said) = export(scope);
        assert!(done, "{said}");
        file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let reason = |record: &Value, kind: &str, reason: &str| {
        record["kind"] == kind && record["outcome"] == "refused" && record["reason"] == reason
    };
    let of_nobody = eventually(Duration::from_secs(60), || async {
        let found = lines(&["--installation"]);
        let known = found.iter().any(|record| reason(record, "sign_in", "wrong"));
        if known { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(of_nobody.iter().all(|record| record.get("organization").is_none()), "{of_nobody:?}");
    let of_demo = eventually(Duration::from_secs(60), || async {
        let found = lines(&["--org", "demo"]);
        let known = found.iter().any(|record| reason(record, "access.denied", "forbidden"));
        if known { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(of_demo.iter().all(|record| record["organization"].is_string()), "{of_demo:?}");

    let (done, table, said) =
        export(&["--org", "demo", "--format", "csv", "--from", "2020-01-01T00:00:00Z"]);
    assert!(done && table.starts_with("id,at,kind,outcome"), "{said}");
    assert!(table.lines().count() > of_demo.len(), "{table}");
    let (done, none, _) = export(&["--org", "demo", "--to", "2020-01-01T00:00:00Z"]);
    assert!(done && none.is_empty(), "{none}");
    let (done, _, said) = export(&["--org", "nobody"]);
    assert!(!done && said.contains("there is no organization `nobody`"), "{said}");
}
