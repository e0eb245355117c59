//! A client of the control plane that keeps what an answer is made of.

use anyhow::{Context as _, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A client with a session.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The aggregate's version, as the `ETag` has it.
    pub etag: Option<String>,
    /// The commit, as `FF-Position` has it.
    pub position: Option<String>,
    /// The body; null when there is none.
    pub body: Value,
}

impl Api {
    /// Logs in with e-mail and password.
    pub async fn log_in(base: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(std::time::Duration::from_secs(20)).build()?;
        let mut api = Self { client, base: base.to_owned(), token: String::new() };
        let login = json!({"email": email, "password": password});
        let answer = api.send(Method::POST, "/api/v1/sessions", Some(login), &[]).await?;
        ensure!(answer.status < 300, "login answered {}: {}", answer.status, answer.body);
        api.token =
            answer.body["access_token"].as_str().context("login gave no access_token")?.to_owned();
        Ok(api)
    }

    /// The same client with another bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The same login at another service.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Reads what is at least as new as a position.
    pub async fn get_at(&self, path: &str, position: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None, &[("FF-Min-Position", position)]).await
    }

    /// Makes, or asks for a verb.
    pub async fn post(&self, path: &str, body: Option<Value>) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, body, &[]).await
    }

    /// Replaces what has this ETag.
    pub async fn put(&self, path: &str, body: Value, etag: &str) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, Some(body), &[("If-Match", etag)]).await
    }

    /// Anything.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(ToOwned::to_owned)
        };
        let (status, etag, position) =
            (response.status().as_u16(), header("etag"), header("ff-position"));
        let text = response.text().await?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        Ok(Answer { status, etag, position, body })
    }
}
