//! When keys were used last, which the security log knows.

use std::collections::HashMap;

use ff_domain::ApiKeyId;
use ff_security::LastUse;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::problem::Chain;

/// The last use of a key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeyUse {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// At which service.
    #[schema(example = "edge")]
    service: String,
    /// How often it was used, at all services together.
    uses: u64,
}

impl From<LastUse> for KeyUse {
    fn from(LastUse { at, service, uses }: LastUse) -> Self {
        Self { at, service, uses }
    }
}

/// The last uses of these keys, as far as they are known. A list of keys is worth something without them.
pub(super) async fn last_used(
    app: &App,
    keys: impl Iterator<Item = ApiKeyId>,
) -> HashMap<Uuid, KeyUse> {
    let ids: Vec<_> = keys.map(|id| id.0).collect();
    match app.security_log.last_used(&ids).await {
        Ok(found) => found.into_iter().map(|(id, last)| (id, last.into())).collect(),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the last use of keys is not known");
            HashMap::new()
        }
    }
}
