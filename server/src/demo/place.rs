//! Where the platform is, and the keys to it: from the environment, or else from what `ff up` noted here.

use std::collections::BTreeMap;

use anyhow::Context as _;
use secrecy::SecretString;

use crate::local;

/// Organization and project of the demo.
pub(super) const SHOP: &str = "orgs/demo/projects/shop";
/// Its environment, the one that the demo's keys are of.
pub(super) const ENVIRONMENT: &str = "production";

/// A platform with the demo in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) control: String,
    pub(super) edge: String,
    pub(super) ingest: String,
    pub(super) analytics: String,
    pub(super) server_key: SecretString,
    pub(super) api_token: SecretString,
}

impl Place {
    /// Reads `FF_…_URL`, `FF_DEMO_SERVER_KEY` and `FF_DEMO_API_TOKEN`.
    pub(super) fn find() -> anyhow::Result<Self> {
        // Without the file the environment must have everything, and what it lacks is named.
        let noted = std::fs::read_to_string(local::ENVIRONMENT).unwrap_or_default();
        let noted = assignments(&noted);
        let value = |name: &str| {
            std::env::var(name).ok().or_else(|| noted.get(name).cloned()).with_context(|| {
                format!(
                    "{name} is not set: run `ff up` here, or set it to what {} says",
                    local::ENVIRONMENT
                )
            })
        };
        let url = |name| value(name).map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self {
            control: url("FF_CONTROL_URL")?,
            edge: url("FF_EDGE_URL")?,
            ingest: url("FF_INGEST_URL")?,
            analytics: url("FF_ANALYTICS_URL")?,
            server_key: value("FF_DEMO_SERVER_KEY")?.into(),
            api_token: value("FF_DEMO_API_TOKEN")?.into(),
        })
    }

    /// Where the results of an experiment can be read.
    pub(super) fn results(&self, experiment: &str) -> String {
        format!("{}/v1/{SHOP}/experiments/{experiment}/results", self.analytics)
    }
}

/// Reads lines such as `NAME='value'`.
fn assignments(text: &str) -> BTreeMap<&str, String> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .map(|(name, value)| (name, value.trim_matches(['\'', '"']).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_no_part_of_a_value() {
        let read =
            assignments("FF_EDGE_URL=http://localhost:8081\nFF_DEMO_PASSWORD='a=b'\n\nnonsense\n");
        assert_eq!(read["FF_EDGE_URL"], "http://localhost:8081");
        assert_eq!(read["FF_DEMO_PASSWORD"], "a=b");
        assert_eq!(read.len(), 2);
    }
}
