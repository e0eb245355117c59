//! Sending a request until it is answered: what the platform cannot take at the moment is sent again, as it asks.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::{RequestBuilder, Response, StatusCode, header::RETRY_AFTER};

/// How long one request may take with all its repetitions. The platform is meant to come back within it.
const PATIENCE: Duration = Duration::from_secs(180);
/// The first pause when nobody says how long; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An answer, and how it came.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response,
    /// How long the last try took.
    pub(super) took: Duration,
    /// How often it had to be sent again.
    pub(super) repeated: u64,
}

/// Sends until the answer is neither 429 nor 5xx.
pub(super) async fn send(
    what: &str,
    mut request: impl FnMut() -> RequestBuilder,
) -> anyhow::Result<Answered> {
    let (began, mut pause, mut repeated) = (Instant::now(), FIRST_PAUSE, 0);
    loop {
        let sent = Instant::now();
        let outcome = request().send().await;
        let late = began.elapsed() > PATIENCE;
        let wait = match outcome {
            Ok(response) if !comes_back(response.status()) || late => {
                return Ok(Answered { response, took: sent.elapsed(), repeated });
            }
            Ok(response) => asked_to_wait(&response).unwrap_or(pause),
            Err(error) if late || error.is_builder() => {
                return Err(error).with_context(|| format!("{what} cannot be reached"));
            }
            Err(_) => pause,
        };
        tokio::time::sleep(wait).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        repeated += 1;
    }
}

fn comes_back(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn asked_to_wait(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body of a good answer, or what was wrong as an error.
pub(super) async fn read<T: serde::de::DeserializeOwned>(
    what: &str,
    response: Response,
) -> anyhow::Result<T> {
    let status = response.status();
    let body = response.text().await.with_context(|| format!("{what} broke off"))?;
    anyhow::ensure!(status.is_success(), "{what} answered {status}: {body}");
    serde_json::from_str(&body).with_context(|| format!("{what} answered {body}"))
}
