//! Taking a key back, for ever.

use axum::extract::State;
use ff_auth::PrincipalKind;
use ff_domain::{ApiKey, ApiKeyCommand, UserId};
use ff_security::Kind;

use super::KeyView;
use super::issue::note_key;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::KeyPath;

/// Revoke a key
///
/// It lets nobody in from now on, here at once and at the edges within two seconds. Everybody may revoke their own
/// personal tokens.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/keys/{key}", operation_id = "revoke_key", tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "Revoked", body = KeyView)),
)]
pub(crate) async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    At(path): At<KeyPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<KeyView>, Problem> {
    let own = match caller.principal.kind {
        PrincipalKind::User { user_id } => Some(UserId(user_id)),
        PrincipalKind::ApiKey { .. } | PrincipalKind::System => None,
    };
    let own = own.filter(|user| is_of(&app, &path, *user));
    let command = own.map_or(ApiKeyCommand::Revoke, ApiKeyCommand::RevokeOwn);
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    note_key(&app, &caller, path.org(), &done, Kind::KeyRevoked);
    Answer::changed(done)
}

/// Whether it is a token of this person.
pub(super) fn is_of(app: &App, path: &KeyPath, user: UserId) -> bool {
    let known = app.doorkeeper.rights().key(path.org(), path.key);
    matches!(known, Some(ApiKey::Live(key) | ApiKey::Revoked(key)) if key.is_of(user))
}
