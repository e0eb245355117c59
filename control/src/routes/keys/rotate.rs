//! A key in place of another, which goes on for a while: until every program has the new one.

use axum::extract::State;
use ff_domain::{ApiKey, ApiKeyError, Problem as Wrong, api_key::Replaces};
use ff_security::Kind;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::issue::{IssuedKey, New, issue, note_key};
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, Refusal as _};
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::KeyPath;

const DAY: u32 = 24 * 60 * 60;
const LONGEST_OVERLAP: u32 = 30 * DAY;

/// How to go over to another key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RotateApiKey)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// For how many seconds the earlier key still lets in, unless it ends before: at most 30 days.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    overlap_seconds: u32,
    /// What people call the new key; absent means as the earlier one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// When the new key stops letting in; absent means never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

fn a_day() -> u32 {
    DAY
}

impl Payload for RotateKey {
    fn absent() -> Option<Self> {
        Some(Self { overlap_seconds: DAY, name: None, expires_at: None })
    }
}

/// Rotate a key
///
/// Issues another for the same, which is shown in this answer only, and ends the earlier one after an overlap. What
/// issuing it asks for is asked for here.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/keys/{key}/rotate", operation_id = "rotate_key", tag = "keys",
    params(KeyPath), request_body = RotateKey,
    responses((status = 201, description = "The new key", body = IssuedKey)),
)]
pub(crate) async fn rotate_key(
    State(app): State<App>,
    caller: Caller,
    At(path): At<KeyPath>,
    Change { body, intent }: Change<RotateKey>,
) -> Result<Answer<IssuedKey>, Problem> {
    let RotateKey { overlap_seconds, name, expires_at } = body;
    if overlap_seconds > LONGEST_OVERLAP {
        let wrong = Wrong::at("/overlap_seconds", format!("at most {LONGEST_OVERLAP}, 30 days"));
        return Err(ApiKeyError::Invalid(vec![wrong]).into_problem());
    }
    // Whether the caller may do anything with it is asked when the new one is issued, with what it is for.
    let (old, _, _) = app.commands.load::<ApiKey>(path.org(), path.key).await?;
    let (ApiKey::Live(old) | ApiKey::Revoked(old)) = old else { return Err(Problem::not_found()) };
    let overlap = SignedDuration::from_secs(overlap_seconds.into());
    let until = Timestamp::now().saturating_add(overlap).unwrap_or(Timestamp::MAX);
    let new = New {
        name: name.unwrap_or(old.name),
        purpose: old.purpose,
        expires_at,
        replaces: Some(Replaces { key: path.key, until }),
    };
    let (answer, done) = issue(&app, &caller, &path.organization(), new, &intent).await?;
    note_key(&app, &caller, path.org(), &done, Kind::KeyRotated);
    Ok(answer)
}
