//! Making a key. It is in this one answer and nowhere else: what is kept is its hash.

use axum::extract::State;
use ff_auth::{NewKey, keys};
use ff_commands::{Done, Target};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyId, ApiKeyState, OrganizationId,
    api_key::{KeyPurpose, Replaces},
};
use ff_security::{Kind, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeyView;
use super::purpose::{NewPurpose, kind};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Intent, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;
use crate::routes::rights_log::note_with;

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateApiKey)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    /// What people call it.
    name: String,
    /// What it lets in to.
    purpose: NewPurpose,
    /// When it stops letting in; absent means never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl Payload for CreateKey {
    const LIMIT: usize = 64 * 1024;
}

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
/// The key is shown in this answer only. The same `Idempotency-Key` gives the same key. Nobody issues a token that may
/// more than they; everybody may issue personal tokens for themselves.
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
    let purpose = purpose.of(&caller)?;
    let new = New { name, purpose, expires_at, replaces: None };
    let (answer, done) = issue(&app, &caller, &path, new, &intent).await?;
    note_key(&app, &caller, path.org(), &done, Kind::KeyIssued);
    Ok(answer)
}

/// A key that is to be issued.
pub(super) struct New {
    pub(super) name: String,
    pub(super) purpose: KeyPurpose,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) replaces: Option<Replaces>,
}

/// The key that follows from a command.
pub(super) fn follows(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    purpose: &KeyPurpose,
    intent: &Intent,
) -> (ApiKeyId, NewKey) {
    let secret = app.key_bytes(organization, intent.command_id(&caller.principal));
    let new = keys::from_secret(kind(purpose), &secret);
    (ApiKeyId::of(organization, new.hash.as_bytes()), new)
}

/// Issues a key, which follows from the command: asked for again, it is the same.
pub(super) async fn issue(
    app: &App,
    caller: &Caller,
    path: &OrgPath,
    New { name, purpose, expires_at, replaces }: New,
    intent: &Intent,
) -> Result<(Answer<IssuedKey>, Done<ApiKey>), Problem> {
    let organization = path.org();
    let (id, new) = follows(app, caller, organization, &purpose, intent);
    let command = ApiKeyCommand::Issue(ApiKeyState {
        organization,
        name,
        purpose,
        hash: new.hash.to_string(),
        prefix: new.prefix.to_string(),
        expires_at,
        replaces,
        replaced_by: None,
    });
    let target = Target::new(organization, id);
    let done = app.execute(caller, path.scope(), target, command, intent).await?;
    let location = format!("/api/v1/orgs/{}/keys/{id}", path.org);
    let answer = Answer::<KeyView>::changed(done.clone())?.created(&location);
    Ok((answer.map(|about| IssuedKey { key: new.plain.expose().to_owned(), about }), done))
}

/// Notes what became of a key.
pub(super) fn note_key(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    done: &Done<ApiKey>,
    kind: Kind,
) {
    let (ApiKey::Live(state) | ApiKey::Revoked(state)) = &done.aggregate else { return };
    let Some(id) = state.id() else { return };
    // Rotated is the earlier key; the one in its place is the new one.
    let (subject, by) = match state.replaces {
        Some(old) if kind == Kind::KeyRotated => (old.key, Some(id)),
        _ => (id, None),
    };
    note_with(app, caller, organization, done, kind, Subject::key(subject.0), |record| match by {
        Some(by) => record.detail("replaced_by", &by.to_string()),
        None => record,
    });
}
