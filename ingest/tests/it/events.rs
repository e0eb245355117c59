//! What is taken, and what is stored of it.

use ff_ingest::record::Record;
use ff_testkit::eventually;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::publishing::ENVIRONMENT;
use crate::support::{
    SOON, answer, events, exposure, gzip, id, ids, ingesting, messages, metric, zstd,
};

#[tokio::test(flavor = "multi_thread")]
async fn events_are_stored_as_they_were_sent() {
    let ingest = ingesting().await;
    let (shown, bought) = (exposure(), metric());
    let (status, body) = ingest.send(&events([shown.clone(), bought.clone()])).await;
    assert_eq!((status, &body["accepted"], &body["rejected"]), (202, &json!(2), &json!([])));
    let records = ingest.records().await;
    let [Record::Exposure(exposure), Record::Metric(metric)] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!((exposure.id, exposure.environment.to_string()), (id(&shown), ENVIRONMENT.into()));
    assert_eq!(
        (exposure.at.to_string(), exposure.config),
        (shown["at"].as_str().unwrap().into(), 7)
    );
    assert_eq!(exposure.rule.as_deref(), Some("e1:1"));
    assert_eq!(exposure.attributes["plan"], "pro");
    assert!(exposure.received >= exposure.at);
    assert_eq!((metric.id, metric.value, &*metric.metric), (id(&bought), 2.5, "purchase"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_lines_and_compressed() {
    let ingest = ingesting().await;
    let json = ("Content-Type", "application/json");
    let lines = ("Content-Type", "application/x-ndjson");
    let mut sent = std::collections::BTreeSet::new();
    for (kind, encoding) in
        [(json, ""), (json, "gzip"), (json, "zstd"), (lines, ""), (lines, "gzip"), (lines, "zstd")]
    {
        let (first, second) = (exposure(), metric());
        sent.extend([id(&first), id(&second)]);
        let body = if kind == lines {
            format!("{first}\n\n{second}\r\n")
        } else {
            events([first, second]).to_string()
        };
        let (status, body) = match encoding {
            "" => ingest.send_raw(body, &[kind]).await,
            _ => {
                let body =
                    if encoding == "gzip" { gzip(body.as_bytes()) } else { zstd(body.as_bytes()) };
                ingest.send_raw(body, &[kind, ("Content-Encoding", encoding)]).await
            }
        };
        assert_eq!((status, &body["accepted"]), (202, &json!(2)), "{kind:?} {encoding}: {body}");
    }
    assert_eq!(ids(&ingest.records().await), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_event_is_named_and_the_others_are_taken() {
    let ingest = ingesting().await;
    let with = |member: &str, value: Value| {
        let mut event = metric();
        event[member] = value;
        event
    };
    let future = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(25);
    let bad = [
        (with("user_key", json!("k".repeat(10 * 1024))), "/user_key", "FF-4129"),
        (with("value", json!(1e308)), "/value", "FF-4131"),
        (with("value", json!("NaN")), "/value", "FF-4123"),
        (with("id", json!("1")), "/id", "FF-4125"),
        (with("at", json!(future)), "/at", "FF-4127"),
        (with("at", json!("2020-01-01T00:00:00Z")), "/at", "FF-4128"),
        (with("type", json!("page_view")), "/type", "FF-4124"),
        (json!("text"), "", "FF-4120"),
    ];
    let good = [metric(), exposure()];
    let mut all = vec![good[0].clone()];
    all.extend(bad.iter().map(|(event, _, _)| event.clone()));
    all.push(good[1].clone());
    let (status, body) = ingest.send(&events(all)).await;
    assert_eq!((status, &body["accepted"]), (202, &json!(2)), "{body}");
    for (index, (_, pointer, code)) in bad.iter().enumerate() {
        let rejected = &body["rejected"][index];
        assert_eq!(
            (&rejected["index"], &rejected["pointer"], &rejected["code"]),
            (&json!(index + 1), &json!(pointer), &json!(code)),
            "{rejected}"
        );
        assert!(!rejected["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(ids(&ingest.records().await), good.iter().map(id).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_harms_one_event_only() {
    let ingest = ingesting().await;
    for name in ["NaN", "Infinity", "-Infinity"] {
        let good = metric();
        let bad = metric().to_string().replace("2.5", name);
        let body = format!("{{\"events\":[{bad},{good}]}}");
        let (status, body) = ingest.send_raw(body, &[]).await;
        assert_eq!((status, &body["accepted"]), (202, &json!(1)), "{body}");
        assert_eq!(body["rejected"][0]["pointer"], "/value");
        assert!(ids(&ingest.records().await).contains(&id(&good)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_are_taken_and_reported() {
    let ingest = ingesting().await;
    let flag = json!({"key": "checkout", "experiment": {"key": "e1", "rule": "e1:1"}});
    ingest.publishing.put("flag", "f1", &flag).await;
    ingest.publishing.put("metric", "m1", &json!({"key": "m", "events": ["purchase"]})).await;
    ingest.publishing.head().await;
    let mut strange = [exposure(), metric()];
    strange[0]["flag"] = json!("checkout-2");
    strange[0]["experiment"] = json!("e2");
    strange[1]["metric"] = json!("m");
    let body = events([exposure(), metric(), strange[0].clone(), strange[1].clone()]);
    let expected = json!({"flags": ["checkout-2"], "experiments": ["e2"], "metrics": ["m"]});
    eventually(SOON, || async {
        let (status, body) = ingest.send(&body).await;
        assert_eq!((status, &body["accepted"]), (202, &json!(4)));
        body["unknown"] == expected
    })
    .await;
    assert!(ids(&ingest.records().await).contains(&id(&strange[0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_accepted_again_and_stored_under_its_id() {
    let ingest = ingesting().await;
    let event = metric();
    for _ in 0..3 {
        let (status, body) = ingest.send(&events([event.clone(), event.clone()])).await;
        assert_eq!((status, &body["accepted"]), (202, &json!(2)));
    }
    let records = ingest.records().await;
    assert_eq!((records.len(), ids(&records)), (3, [id(&event)].into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_attributes_are_never_stored() {
    let ingest = ingesting().await;
    let mut event = exposure();
    event["attributes"] = json!({"email": "ann@example.com", "plan": "pro",
        "address": {"zip": "12345"}});
    event["private"] = json!(["email", "/address/zip"]);
    let mut again = event.clone();
    again["id"] = json!(Uuid::new_v4());
    let mut broken = event.clone();
    broken["private"] = json!("email");
    let (status, body) = ingest.send(&events([event, again, broken])).await;
    assert_eq!((status, &body["accepted"]), (202, &json!(2)), "{body}");
    for message in messages(ingest.nats.client().await).await {
        let text = String::from_utf8(message.to_vec()).unwrap();
        assert!(!text.contains("ann@") && !text.contains("12345"), "{text}");
    }
    let records = ingest.records().await;
    let [Record::Exposure(first), Record::Exposure(second)] = &records[..] else { panic!() };
    assert!(first.attributes["email"].starts_with("hmac:3:"));
    assert_eq!(first.attributes, second.attributes);
    assert_eq!(first.attributes["plan"], "pro");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_counts_is_stored_beside_what_arrived() {
    let ingest = ingesting().await;
    let instance = Uuid::new_v4();
    let mut body = events([exposure(), exposure(), json!(7), metric()]);
    body["sender"] = json!({"instance": instance, "exposures": {"e1": 5, "e9": 0}});
    let (status, answer) = ingest.send(&body).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(3)));
    let mut counts = Vec::new();
    for record in ingest.records().await {
        match record {
            Record::Exposure(exposure) => assert_eq!(exposure.instance, Some(instance)),
            Record::Metric(_) => {}
            Record::Sender(sender) => {
                assert_eq!(sender.instance, instance);
                counts.push((sender.experiment, sender.sent, sender.accepted));
            }
        }
    }
    counts.sort();
    assert_eq!(counts, [("e1".to_owned(), 5, 2), ("e9".to_owned(), 0, 0)]);

    body["sender"]["instance"] = json!("me");
    let (status, answer) = ingest.send(&body).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(3)));
    assert_eq!(answer["sender"]["pointer"], "/sender/instance");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_send() {
    let ingest = ingesting().await;
    let preflight = ingest
        .http
        .request(reqwest::Method::OPTIONS, crate::support::url(&ingest.ingest, "/v1/events"))
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-api-key,content-type")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    let request = ingest.post().header("Origin", "https://shop.example").json(&events([metric()]));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer(response).await.0, 202);
}
