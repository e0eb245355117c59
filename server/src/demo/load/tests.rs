//! Loads through an edge and an ingestor that only note what they get.

use std::collections::BTreeSet;
use std::sync::Mutex;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{
    Json, Router,
    routing::{get, post},
};
use serde_json::Value;

use super::*;

/// What the ingestor got.
#[derive(Default)]
struct Got {
    requests: usize,
    batches: Vec<Value>,
}

impl Got {
    fn events<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let all = self.batches.iter().flat_map(|batch| batch["events"].as_array().unwrap());
        all.filter(move |event| event["type"] == kind)
    }

    fn ids(&self) -> BTreeSet<String> {
        let events = self.events("exposure").chain(self.events("metric"));
        events.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    fn sent(&self) -> u64 {
        let sent = |batch: &Value| batch["sender"]["exposures"]["button"].as_u64().unwrap();
        self.batches.iter().map(sent).max().unwrap()
    }
}

/// Every other user gets the treatment.
async fn evaluate(Json(request): Json<Value>) -> Response {
    let key = request["context"]["targetingKey"].as_str().unwrap();
    let number: u64 = key.rsplit('-').next().unwrap().parse().unwrap();
    let answer = json!({
        "key": "color", "variant": if number.is_multiple_of(2) { "blue" } else { "green" },
        "metadata": {"position": "9", "ruleId": "button:1", "experiment": "button"},
    });
    Json(answer).into_response()
}

/// The flag serves the experiment.
async fn config() -> Json<Value> {
    let experiment = json!({"key": "button", "rule": "button:1"});
    Json(json!({"flags": [{"key": "color", "enabled": true, "experiment": experiment}]}))
}

/// Refuses every third request, as one that has too much to do.
async fn take(State(got): State<Arc<Mutex<Got>>>, Json(batch): Json<Value>) -> Response {
    let mut got = got.lock().unwrap();
    got.requests += 1;
    if got.requests.is_multiple_of(3) {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    }
    let accepted = batch["events"].as_array().unwrap().len();
    got.batches.push(batch);
    (StatusCode::ACCEPTED, Json(json!({"accepted": accepted, "rejected": []}))).into_response()
}

/// Sends this many users, and answers what was counted here and there.
async fn send(users: u64, broken: Option<Broken>) -> (Tally, Got) {
    let got = Arc::new(Mutex::new(Got::default()));
    let router = Router::new()
        .route("/ofrep/v1/evaluate/flags/color", post(evaluate))
        .route("/v1/config", get(config))
        .route("/v1/events", post(take))
        .with_state(Arc::clone(&got));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let place = Place {
        control: base.clone(),
        edge: base.clone(),
        ingest: base.clone(),
        analytics: base,
        server_key: "key".into(),
        api_token: "token".into(),
    };
    let ready = Ready {
        key: "button".to_owned(),
        flag: "color".to_owned(),
        control: "blue".to_owned(),
        iteration: 1,
    };
    let effect = "3%".parse().unwrap();
    let wanted = Wanted { users, seed: 5, effect, broken, history_days: 14, rate: None };
    let load = Arc::new(Load::new(wanted, ready, place, Client::new()).unwrap());
    load.edge_is_ready().await.unwrap();
    let tally = load.run().await.unwrap();
    assert_eq!(load.done(), users);
    server.abort();
    let got = std::mem::take(&mut *got.lock().unwrap());
    (tally, got)
}

#[tokio::test]
async fn everyone_is_exposed_once_and_a_repetition_is_the_same() {
    let (tally, got) = send(1_200, None).await;
    assert_eq!((tally.users, tally.rejected, tally.dropped), (1_200, 0, 0));
    assert_eq!((tally.arms["blue"], tally.arms["green"]), (600, 600));
    assert!(tally.repeated > 0, "some were refused at first");
    assert_eq!(got.events("exposure").count(), 1_200);
    assert_eq!(got.sent(), 1_200);
    assert_eq!(got.ids().len() as u64, tally.accepted, "no id comes twice");
    assert!(got.batches.iter().all(|batch| batch["events"].as_array().unwrap().len() <= BATCH));
    let exposure = got.events("exposure").next().unwrap();
    for name in ["rule", "experiment", "position", "attributes"] {
        assert!(!exposure[name].is_null(), "{name}");
    }

    let (_, again) = send(1_200, None).await;
    assert_eq!(again.ids(), got.ids());
    assert_eq!(again.batches[0]["sender"]["instance"], got.batches[0]["sender"]["instance"]);
}

#[tokio::test]
async fn a_ratio_is_broken_in_the_treatment_alone_and_nobody_is_told() {
    let (tally, got) = send(2_000, Some(Broken::Srm)).await;
    assert_eq!(tally.arms["blue"], 1_000);
    // A tenth of 1,000, within five standard deviations.
    assert!((850..=950).contains(&tally.arms["green"]), "{:?}", tally.arms);
    assert_eq!(tally.dropped, 1_000 - tally.arms["green"]);
    assert_eq!(got.sent(), 2_000 - tally.dropped);
}

#[tokio::test]
async fn lost_batches_are_counted_as_sent() {
    let (tally, got) = send(1_200, Some(Broken::Loss)).await;
    assert_eq!(tally.dropped, 500);
    assert_eq!(got.events("exposure").count(), 700);
    assert_eq!(got.sent(), 1_200);
}

#[tokio::test]
async fn pages_of_the_treatment_are_slower_for_the_guardrail() {
    let (_, sound) = send(400, None).await;
    let (_, slow) = send(400, Some(Broken::Guardrail)).await;
    let of = |got: &Got, odd: bool| -> f64 {
        let user = |event: &Value| -> u64 {
            event["user_key"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
        };
        let loads = got.events("metric").filter(|event| event["metric"] == "page_load");
        loads
            .filter(|event| user(event).is_multiple_of(2) != odd)
            .map(|event| event["value"].as_f64().unwrap())
            .sum()
    };
    let ratio = of(&slow, true) / of(&sound, true);
    assert!((1.19..1.21).contains(&ratio), "{ratio}");
    assert!((of(&slow, false) - of(&sound, false)).abs() < 1e-9);
}
