//! Making a key. It is in this one answer and nowhere else: what is kept is its hash.

use axum::extract::State;
use ff_auth::{KeyKind, keys};
use ff_commands::Target;
use ff_domain::{ApiKeyCommand, ApiKeyId, ApiKeyState, api_key::KeyPurpose};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateApiKey)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    /// What people call it.
    name: String,
    /// What it lets in to.
    purpose: KeyPurpose,
    /// When it stops letting in; absent means never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl Payload for CreateKey {}

/// A key, this once with what it is.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedApiKey)]
pub(crate) struct IssuedKey {
    /// The key itself. Keep it: it is never shown again.
    key: String,
    #[serde(flatten)]
    about: KeyView,
}

/// Issue a key
///
/// The key is shown in this answer only. The same `Idempotency-Key` gives the same key.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/keys", operation_id = "create_key", tag = "keys",
    params(OrgPath), request_body = CreateKey,
    responses((status = 201, description = "Issued", body = IssuedKey)),
)]
pub(crate) async fn create_key(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, intent }: Change<CreateKey>,
) -> Result<Answer<IssuedKey>, Problem> {
    let CreateKey { name, purpose, expires_at } = body;
    let kind = match purpose {
        KeyPurpose::SdkServer(_) => KeyKind::SdkServer,
        KeyPurpose::SdkClient(_) => KeyKind::SdkClient,
        KeyPurpose::ApiToken { .. } => KeyKind::ApiToken,
    };
    let new = keys::from_secret(kind, &app.key_bytes(intent.command_id(&caller.0)));
    let organization = path.org();
    let id = ApiKeyId::of(organization, new.hash.as_bytes());
    let command = ApiKeyCommand::Issue(ApiKeyState {
        organization,
        name,
        purpose,
        hash: new.hash.to_string(),
        prefix: new.prefix.to_string(),
        expires_at,
    });
    let target = Target::new(organization, id);
    let done = app.execute(&caller, path.scope(), target, command, &intent).await?;
    let location = format!("/api/v1/orgs/{}/keys/{id}", path.org);
    let answer = Answer::<KeyView>::changed(done)?.created(&location);
    Ok(answer.map(|about| IssuedKey { key: new.plain.expose().to_owned(), about }))
}
