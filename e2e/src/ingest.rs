//! A client of the ingestor: one that hears what it is told, and one that sends until it is acknowledged.

use std::time::{Duration, Instant};

use anyhow::bail;
use reqwest::{Client, header::RETRY_AFTER};
use serde_json::{Value, json};
use uuid::Uuid;

/// How long a batch may take to be acknowledged, however often it has to be sent.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client with a key.
#[derive(Debug, Clone)]
pub struct Ingest {
    client: Client,
    url: String,
    key: String,
}

/// What the ingestor answered.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// HTTP status.
    pub status: u16,
    /// When to come again, in seconds, if it says so.
    pub retry_after: Option<u64>,
    /// The body; null when it is no JSON.
    pub body: Value,
}

impl Ingest {
    /// The ingestor at this address.
    pub fn new(base: &str, key: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { client, url: format!("{base}/v1/events"), key: key.to_owned() })
    }

    /// Sends a body once.
    pub async fn send(&self, body: &Value) -> anyhow::Result<Receipt> {
        let request = self.client.post(&self.url).bearer_auth(&self.key).json(body);
        let response = request.send().await?;
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        Ok(Receipt {
            status,
            retry_after,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        })
    }

    /// Sends a body until all of it is acknowledged.
    pub async fn deliver(&self, body: &Value) -> anyhow::Result<Receipt> {
        let began = Instant::now();
        loop {
            let last = match self.send(body).await {
                Ok(receipt) if receipt.status == 202 => return Ok(receipt),
                Ok(receipt) if receipt.status < 500 && receipt.status != 429 => {
                    bail!("refused: {} {}", receipt.status, receipt.body)
                }
                other => other,
            };
            if began.elapsed() > PATIENCE {
                bail!("not acknowledged in {PATIENCE:?}, the last answer was {last:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// So many events of a metric, each of another user, with ids that nobody else has; and the ids.
#[must_use]
pub fn metric_events(metric: &str, count: usize) -> (Value, Vec<String>) {
    let at = jiff::Timestamp::now().to_string();
    let ids: Vec<String> = (0..count).map(|_| Uuid::new_v4().to_string()).collect();
    let event = |id: &String| json!({"type": "metric", "id": id, "at": at, "user_key": id, "metric": metric, "value": 1.0});
    let events: Vec<Value> = ids.iter().map(event).collect();
    (json!({"events": events}), ids)
}
