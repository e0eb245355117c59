//! OFREP: what is asked, and what is answered.

use ff_testkit::eventually;
use serde_json::{Value, json};

use crate::publishing::{for_clients, off, on};
use crate::support::{Fixture, SOON, answer, serving};

fn number(key: &str, values: [Value; 2]) -> Value {
    let [one, other] = values;
    json!({
        "key": key, "type": "number", "enabled": true, "off_variation": "other",
        "variations": [{"key": "one", "value": one}, {"key": "other", "value": other}],
        "default": {"variation": "one"},
    })
}

fn targeted() -> Value {
    json!({
        "key": "targeted", "type": "string", "enabled": true, "off_variation": "none",
        "variations": [{"key": "none", "value": ""}, {"key": "some", "value": "a \"b\""}],
        "rules": [{
            "id": "r1",
            "if": {"attribute": "country", "operator": "eq", "value": "US"},
            "then": {"variation": "some"},
        }],
        "default": {"variation": "none"},
    })
}

fn rollout() -> Value {
    json!({
        "key": "rollout", "type": "json", "enabled": true, "off_variation": "a",
        "variations": [{"key": "a", "value": {"x": [1]}}, {"key": "b", "value": []}],
        "default": {"rollout": {"variations": [{"key": "a", "weight": 100}]}},
    })
}

fn dependent() -> Value {
    let mut flag = on("dependent");
    flag["prerequisites"] = json!([{"flag": "disabled", "variations": ["on"]}]);
    flag
}

fn broken() -> Value {
    let mut flag = on("broken");
    flag["default"] = json!({"variation": "nowhere"});
    flag
}

async fn fixture() -> Fixture {
    serving(&[
        for_clients(on("plain")),
        off("disabled"),
        number("float", [json!(2.0), json!(0.5)]),
        number("integer", [json!(2), json!(3)]),
        targeted(),
        rollout(),
        dependent(),
        broken(),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_answered_as_the_protocol_says() {
    let edge = fixture().await;
    let position = json!({"position": "1"});
    let of = |value: Value, variant: &str, reason: &str, metadata: &Value| json!({"value": value, "variant": variant, "reason": reason, "metadata": metadata});
    let rule = json!({"position": "1", "ruleId": "r1"});
    let user = json!({"targetingKey": "u"});
    for (key, context, mut expected) in [
        ("plain", json!({}), of(json!(true), "on", "STATIC", &position)),
        ("disabled", json!({}), of(json!(false), "off", "DISABLED", &position)),
        ("float", json!({}), of(json!(2.0), "one", "STATIC", &position)),
        ("integer", json!({}), of(json!(2), "one", "STATIC", &position)),
        ("targeted", json!({}), of(json!(""), "none", "DEFAULT", &position)),
        (
            "targeted",
            json!({"country": "US"}),
            of(json!("a \"b\""), "some", "TARGETING_MATCH", &rule),
        ),
        ("rollout", user.clone(), of(json!({"x": [1]}), "a", "SPLIT", &position)),
        ("dependent", user, of(json!(false), "off", "DEFAULT", &position)),
    ] {
        expected["key"] = json!(key);
        let (status, body) = edge.evaluate(key, context).await;
        assert_eq!((status, body), (200, expected), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_have_a_fraction_on_the_wire() {
    let edge = fixture().await;
    for (key, text) in [("float", "\"value\":2.0,"), ("integer", "\"value\":2,")] {
        let path = format!("/ofrep/v1/evaluate/flags/{key}");
        let response = edge.post(&path, &json!({})).send().await.unwrap();
        assert_eq!(response.headers()["ff-position"], "1");
        let body = response.text().await.unwrap();
        assert!(body.contains(text), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_answer_says_why() {
    let edge = fixture().await;
    for (key, context, status, code) in [
        ("unknown", json!({}), 404, "FLAG_NOT_FOUND"),
        ("un%20known%2F%C3%BC", json!({}), 404, "FLAG_NOT_FOUND"),
        ("rollout", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("broken", json!({}), 400, "PARSE_ERROR"),
        ("plain", json!([]), 400, "INVALID_CONTEXT"),
        ("plain", json!({"targetingKey": {}}), 400, "INVALID_CONTEXT"),
    ] {
        let (found, body) = edge.evaluate(key, context).await;
        assert_eq!(found, status, "{key}: {body}");
        assert_eq!(body["errorCode"], code, "{key}");
        assert!(body["errorDetails"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        let decoded = if key.starts_with("un%") { "un known/ü" } else { key };
        assert_eq!(body["key"], decoded);
        assert_eq!(body.get("value"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_percent_encoded() {
    let edge = fixture().await;
    let (status, body) = edge.evaluate("%70lain", json!({})).await;
    assert_eq!((status, &body["key"]), (200, &json!("plain")));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_flags_are_answered_in_the_order_of_their_keys() {
    let edge = fixture().await;
    let request = json!({"context": {"targetingKey": "u"}});
    let (status, body) =
        answer(edge.post("/ofrep/v1/evaluate/flags", &request).send().await.unwrap()).await;
    assert_eq!(status, 200);
    let flags = body["flags"].as_array().unwrap();
    let keys: Vec<&str> = flags.iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        ["broken", "dependent", "disabled", "float", "integer", "plain", "rollout", "targeted"]
    );
    assert_eq!(flags[0]["errorCode"], "PARSE_ERROR");
    assert_eq!(
        flags[5],
        json!({"key": "plain", "value": true, "variant": "on", "reason": "STATIC"})
    );
    assert_eq!(body["metadata"], json!({"position": "1"}));
    let stream = &body["eventStreams"][0];
    assert_eq!(stream["type"], "sse");
    assert!(stream["endpoint"]["requestUri"].as_str().unwrap().starts_with("/ofrep/v1/stream?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_of_all_flags_depends_on_the_context_and_the_config() {
    let mut edge = fixture().await;
    let ask = async |edge: &Fixture, country: &str, tag: Option<&str>| {
        let request = json!({"context": {"targetingKey": "u", "country": country}});
        let mut post = edge.post("/ofrep/v1/evaluate/flags", &request);
        if let Some(tag) = tag {
            post = post.header("If-None-Match", tag);
        }
        let response = post.send().await.unwrap();
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        (response.status().as_u16(), tag, response.text().await.unwrap())
    };
    let (_, german, _) = ask(&edge, "DE", None).await;
    let (_, american, _) = ask(&edge, "US", None).await;
    assert_ne!(german, american);
    let (status, tag, body) = ask(&edge, "DE", Some(&german)).await;
    assert_eq!((status, &tag, body.as_str()), (304, &german, ""));
    assert_eq!(ask(&edge, "US", Some(&german)).await.0, 200);

    let edge_again = crate::support::start(&edge.nats.url, edge.directory.path()).await;
    std::mem::replace(&mut edge.edge, edge_again).stop().await;
    edge.until_position("1").await;
    assert_eq!(ask(&edge, "DE", Some(&german)).await.0, 304, "a restart changes nothing");

    edge.publishing.flag(&off("plain")).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    assert_eq!(ask(&edge, "DE", Some(&german)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_key_sees_only_what_is_for_clients() {
    let edge = fixture().await;
    let post = |path: &str| {
        let request = edge.http.post(edge.url(path)).header("X-API-Key", &edge.client.text);
        request.json(&json!({"context": {"country": "US"}}))
    };
    let (_, body) = answer(post("/ofrep/v1/evaluate/flags").send().await.unwrap()).await;
    assert_eq!(body["flags"].as_array().unwrap().len(), 1);
    assert_eq!(body["flags"][0]["key"], "plain");
    let (status, body) =
        answer(post("/ofrep/v1/evaluate/flags/targeted").send().await.unwrap()).await;
    assert_eq!((status, &body["errorCode"]), (404, &json!("FLAG_NOT_FOUND")));
    let (status, _) = answer(post("/ofrep/v1/evaluate/flags/plain").send().await.unwrap()).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_from_anywhere() {
    let edge = fixture().await;
    let path = edge.url("/ofrep/v1/evaluate/flags");
    let preflight = edge
        .http
        .request(reqwest::Method::OPTIONS, &path)
        .header("Origin", "https://app.example.com")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap().to_owned();
    for header in ["Authorization", "X-API-Key", "Content-Type", "If-None-Match"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    let refused = edge.http.post(&path).send().await.unwrap();
    for response in [
        preflight,
        refused,
        edge.post("/ofrep/v1/evaluate/flags", &json!({})).send().await.unwrap(),
    ] {
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        let exposed = headers["access-control-expose-headers"].to_str().unwrap();
        assert!(exposed.contains("ETag") && exposed.contains("Retry-After"), "{exposed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted() {
    let edge = fixture().await;
    edge.evaluate("plain", json!({})).await;
    edge.evaluate("unknown", json!({})).await;
    let name = "ff_edge_requests_total{route=\"ofrep_evaluate\"";
    eventually(SOON, || async { edge.metric(name).await == 2.0 }).await;
}
