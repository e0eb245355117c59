//! A key in place of another, which goes on for a while: until every program has the new one.

use axum::extract::State;
use ff_auth::Permission;
use ff_commands::{CommandError, Place};
use ff_domain::{
    ApiKey, ApiKeyError, Problem as Wrong,
    api_key::{KeyPurpose, Replaces},
};
use ff_security::Kind;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::issue::{IssuedKey, New, follows, issue, note_key};
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
    /// When the new key stops letting in; absent means when the earlier one would have, null means never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Timestamp>>,
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
    params(KeyPath), request_body = Option<RotateKey>,
    responses((status = 201, description = "The new key", body = IssuedKey)),
)]
pub(crate) async fn rotate_key(
    State(app): State<App>,
    caller: Caller,
    At(path): At<KeyPath>,
    Change { body, mut intent }: Change<RotateKey>,
) -> Result<Answer<IssuedKey>, Problem> {
    let RotateKey { overlap_seconds, name, expires_at } = body;
    if overlap_seconds > LONGEST_OVERLAP {
        let wrong = Wrong::at("/overlap_seconds", format!("at most {LONGEST_OVERLAP}, 30 days"));
        return Err(ApiKeyError::Invalid(vec![wrong]).into_problem());
    }
    let (old, actual, _) = app.commands.load::<ApiKey>(path.org(), path.key).await?;
    let (ApiKey::Live(old) | ApiKey::Revoked(old)) = old else { return Err(Problem::not_found()) };
    // What issuing it asks for comes first: who may not rotate it learns no version of it.
    let permission = match old.purpose {
        KeyPurpose::PersonalToken { .. } => Permission::PersonalTokenIssue,
        _ => Permission::ApiKeyIssue,
    };
    let place = Place::from(old.purpose.place(path.org())).scope(path.org());
    let _may = app.allow(&caller, permission, place)?;
    // The version that was seen is the earlier key's; the command is about the new one, which has none yet.
    let (id, _) = follows(&app, &caller, path.org(), &old.purpose, &intent);
    let repeated = old.replaced_by == Some(id);
    match intent.expected.take() {
        Some(expected) if expected != actual && !repeated => {
            return Err(CommandError::<ApiKey>::VersionMismatch { expected, actual }.into());
        }
        _ => {}
    }
    let overlap = SignedDuration::from_secs(overlap_seconds.into());
    let now = Timestamp::now();
    let until = now.saturating_add(overlap).unwrap_or(Timestamp::MAX);
    // One that has ended has none to hand on, and is refused for that.
    let same_end = old.expires_at.filter(|end| *end > now);
    let new = New {
        name: name.unwrap_or(old.name),
        purpose: old.purpose,
        expires_at: expires_at.unwrap_or(same_end),
        replaces: Some(Replaces { key: path.key, until }),
    };
    let (answer, done) = issue(&app, &caller, &path.organization(), new, &intent).await?;
    note_key(&app, &caller, path.org(), &done, Kind::KeyRotated);
    Ok(answer)
}
