//! Taking a key back, for ever.

use axum::extract::State;
use ff_domain::ApiKeyCommand;

use super::KeyView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::KeyPath;

/// Revoke a key
///
/// It lets nobody in from now on, here at once and at the edges within two seconds.
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
    let command = ApiKeyCommand::Revoke;
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
