//! What the demo's experiment needs in the control plane: metrics, a flag that is on, and the experiment, running.
//!
//! Only what is missing is made. What somebody has changed stays as they want it.

use anyhow::Context as _;
use reqwest::{Client, Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::patience;
use super::place::{ENVIRONMENT, Place, SHOP};
use super::shopper::event;

/// The flag that a new experiment is about: which color sells.
const FLAG: &str = "button-color";
const CONTROL: &str = "blue";
const TREATMENT: &str = "green";

/// The experiment as traffic needs to know it.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its key.
    pub(super) key: String,
    /// The flag that serves it.
    pub(super) flag: String,
    /// The variation the others are compared with.
    pub(super) control: String,
    /// The newest iteration.
    pub(super) iteration: u32,
}

#[derive(Debug, Deserialize)]
struct Experiment {
    status: Status,
    flag: String,
    environment: String,
    design: Design,
    iterations: Vec<Iteration>,
    #[serde(default)]
    archived: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Draft,
    Running,
    Paused,
    Stopped,
    Decided,
}

#[derive(Debug, Deserialize)]
struct Design {
    control: String,
}

#[derive(Debug, Deserialize)]
struct Iteration {
    number: u32,
}

/// The control plane, with the demo's token.
struct Control<'a> {
    client: &'a Client,
    place: &'a Place,
}

/// Makes what is missing, and starts the experiment if it is a draft.
pub(super) async fn ready(
    client: &Client,
    place: &Place,
    key: &str,
    users: u64,
) -> anyhow::Result<Ready> {
    let control = Control { client, place };
    let path = format!("experiments/{key}");
    let mut found = match control.get(&path).await? {
        Some(found) => found,
        None => {
            control.make_metrics().await?;
            control.create("experiments", &experiment(key, users)).await?
        }
    };
    let mut experiment = read(&found)?;
    anyhow::ensure!(
        experiment.environment == ENVIRONMENT,
        "experiment {key} runs in {}, and the demo's key is of {ENVIRONMENT}: give another --experiment",
        experiment.environment
    );
    anyhow::ensure!(
        !experiment.archived,
        "experiment {key} is archived: restore it, or give another --experiment"
    );
    match experiment.status {
        Status::Running => {}
        Status::Draft => {
            found = control.post(&format!("{path}/start"), None).await?;
            experiment = read(&found)?;
        }
        Status::Paused => {
            anyhow::bail!("experiment {key} is paused, so nobody is in it: resume it first")
        }
        Status::Stopped | Status::Decided => anyhow::bail!(
            "experiment {key} is stopped, and more traffic would not change its results: give --experiment \
             another key to start a new one"
        ),
    }
    control.turn_on(&experiment.flag).await?;
    Ok(Ready {
        key: key.to_owned(),
        flag: experiment.flag,
        control: experiment.design.control,
        iteration: experiment.iterations.last().map_or(1, |iteration| iteration.number),
    })
}

fn read(found: &Value) -> anyhow::Result<Experiment> {
    serde_json::from_value(found.clone())
        .context("the control plane shows an experiment in another form")
}

impl Control<'_> {
    async fn make_metrics(&self) -> anyhow::Result<()> {
        for metric in metrics() {
            let key = metric["key"].as_str().unwrap_or_default();
            match self.get(&format!("metrics/{key}")).await? {
                None => drop(self.create("metrics", &metric).await?),
                Some(found) if found["archived"] == json!(true) => {
                    anyhow::bail!("metric {key} is archived: restore it first")
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Turns the flag on if it is off.
    async fn turn_on(&self, flag: &str) -> anyhow::Result<()> {
        let path = format!("flags/{flag}");
        let found = self
            .get(&path)
            .await?
            .with_context(|| format!("there is no flag {flag}: run `ff seed`"))?;
        if found["environments"][ENVIRONMENT]["enabled"] == json!(true) {
            return Ok(());
        }
        self.post(&format!("{path}/environments/{ENVIRONMENT}/on"), None).await.map(drop)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let (status, found) = self.send(Method::GET, path, None).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        accept(path, status, found).map(Some)
    }

    async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.post(path, Some(body)).await
    }

    async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (status, found) = self.send(Method::POST, path, body).await?;
        accept(path, status, found)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}/api/v1/{SHOP}/{path}", self.place.control);
        let request = || {
            let request = self
                .client
                .request(method.clone(), &url)
                .bearer_auth(self.place.api_token.expose_secret())
                .header("FF-Via", "cli");
            body.iter().fold(request, |request, body| request.json(body))
        };
        let response = patience::send("the control plane", request).await?.response;
        let status = response.status();
        let text = response.text().await.context("the control plane broke off")?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((status, body))
    }
}

fn accept(path: &str, status: StatusCode, found: Value) -> anyhow::Result<Value> {
    anyhow::ensure!(status.is_success(), "the control plane refused {path}: {status} {found}");
    Ok(found)
}

fn metrics() -> [Value; 4] {
    let metric = |key: &str, name: &str, description: &str, definition: Value| json!({"key": key, "name": name, "description": description, "tags": ["demo"], "definition": definition});
    [
        metric(
            "purchase",
            "Purchase",
            "Who buys anything",
            json!({"kind": {"type": "binomial", "event": event::PURCHASE}, "better": "higher"}),
        ),
        metric(
            "revenue",
            "Revenue",
            "What a user pays; the largest orders are cut, so that one of them decides nothing",
            json!({
                "kind": {"type": "mean", "event": event::REVENUE}, "unit": "EUR", "better": "higher",
                "cap": {"type": "value", "value": "500"},
            }),
        ),
        metric(
            "items",
            "Items",
            "How many things a user buys",
            json!({"kind": {"type": "count", "event": event::ITEM}, "better": "higher"}),
        ),
        metric(
            "page_load",
            "Page load",
            "Nine of ten pages are there by then",
            json!({
                "kind": {"type": "quantile", "event": event::PAGE_LOAD, "percentile": 90}, "unit": "ms",
                "better": "lower", "covariate_days": 0,
            }),
        ),
    ]
}

fn experiment(key: &str, users: u64) -> Value {
    json!({
        "key": key,
        "name": "Checkout button",
        "hypothesis": "A green button is found sooner, so more visitors buy",
        "tags": ["demo", "checkout"],
        "environment": ENVIRONMENT,
        "flag": FLAG,
        "design": {
            "arms": [{"key": CONTROL, "weight": 50}, {"key": TREATMENT, "weight": 50}],
            "control": CONTROL,
            "metrics": {
                "primary": ["purchase"],
                "secondary": ["revenue", "items"],
                "guardrails": [{"metric": "page_load", "margin": 5, "on_breach": "pause"}],
            },
            "analysis": {"planned_users": users, "breakdowns": ["country", "plan"]},
        },
    })
}
