//! What is stored, asked of the server itself.

use anyhow::{Context as _, ensure};
use reqwest::Client;

/// A server that answers like ClickHouse.
#[derive(Debug, Clone)]
pub struct ClickHouse {
    client: Client,
    url: String,
}

impl ClickHouse {
    /// The server at this address.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self { client: Client::new(), url }
    }

    /// The rows of a query, each as its columns.
    pub async fn rows(&self, query: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let query = format!("{query} FORMAT TabSeparated");
        let response = self.client.post(&self.url).body(query).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{status}: {text}");
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// The one number that a query answers.
    pub async fn number(&self, query: &str) -> anyhow::Result<u64> {
        let rows = self.rows(query).await?;
        let cell = rows.first().and_then(|row| row.first()).context("no row")?;
        cell.parse().with_context(|| cell.clone())
    }

    /// The ids of the stored events of a metric, and how many rows there are of them once copies are merged.
    pub async fn ids_of(&self, metric: &str) -> anyhow::Result<Vec<String>> {
        let query = format!("SELECT id FROM events_metric FINAL WHERE metric = '{metric}'");
        Ok(self.rows(&query).await?.into_iter().flatten().collect())
    }
}
