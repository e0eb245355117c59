//! Refresh tokens: each is used once and replaced by the next.
//!
//! A token that comes a second time is in two hands, and nobody knows which are the right ones: the session is closed,
//! and both have to sign in again. This is strict on purpose. A client whose answer was lost on the way, or that sends
//! the same token twice at once, loses its session too; a time of grace would be one for thieves as well. Clients
//! therefore refresh from one place, one at a time.
//!
//! A used token is known as long as it would have been good unused. After that it is one nobody knows, and refused.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use uuid::Uuid;

use super::{add_token, after, close};
use crate::error::database;
use crate::secret::Purpose;
use crate::{IdentityError, People};

/// A session that goes on.
#[derive(Debug)]
pub struct Refreshed {
    /// Whose it is.
    pub user: Uuid,
    /// Its id.
    pub session: Uuid,
    /// The organization it is limited to.
    pub organization: Option<Uuid>,
    /// The next refresh token; the one before is of no use any more.
    pub refresh: SecretString,
    /// Until when that can be used.
    pub expires_at: Timestamp,
}

/// The session does not go on: sign in again.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// It is no refresh token of ours, or one of long ago.
    #[error("the refresh token is not known: sign in again")]
    Unknown,
    /// It was not used in time, or the session has lasted as long as one may.
    #[error("the session has expired: sign in again")]
    Expired,
    /// The session was closed.
    #[error("the session was closed: sign in again")]
    Closed,
    /// It was used before: somebody else has it too. The session is closed now.
    #[error("the refresh token was used before, and the session is closed: sign in again")]
    Reused {
        /// Whose token it is.
        user: Uuid,
        /// The session that was closed.
        session: Uuid,
    },
    /// The person is kept out.
    #[error("this person may not sign in: ask an administrator")]
    Disabled,
    /// It could not be found out. The token can still be used.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Uuid,
    organization: Option<Uuid>,
    ends_at: jiff_sqlx::Timestamp,
    closed: bool,
    disabled: bool,
}

impl People {
    /// Uses a refresh token at `now`. Of several that use the same at once, one goes on with a token that is worth
    /// nothing, since the others close the session.
    ///
    /// # Errors
    /// [`RefreshError`]; to a client all of them but the last are the same 401.
    pub async fn refresh(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Refreshed, RefreshError> {
        let hash = Purpose::Refresh.hash(token).ok_or(RefreshError::Unknown)?;
        let mut transaction = self.pool.begin().await.map_err(database)?;
        let session: Option<Uuid> =
            sqlx::query_scalar("SELECT session_id FROM identity.refresh_tokens WHERE hash = $1")
                .bind(hash.as_slice())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(database)?;
        let session = session.ok_or(RefreshError::Unknown)?;
        // The row of the session is the lock of its tokens.
        let row: Option<Row> = sqlx::query_as(
            "SELECT s.user_id, s.organization, s.ends_at, s.closed_at IS NOT NULL AS closed, \
             u.disabled_at IS NOT NULL AS disabled \
             FROM identity.sessions s JOIN identity.users u ON u.id = s.user_id \
             WHERE s.id = $1 FOR UPDATE OF s",
        )
        .bind(session)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(database)?;
        let row = row.ok_or(RefreshError::Unknown)?;
        let state: Option<(jiff_sqlx::Timestamp, bool)> = sqlx::query_as(
            "SELECT expires_at, used_at IS NOT NULL FROM identity.refresh_tokens WHERE hash = $1",
        )
        .bind(hash.as_slice())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(database)?;
        let (expires_at, used) = state.ok_or(RefreshError::Unknown)?;

        if used {
            close(&mut transaction, row.user_id, session, now).await?;
            transaction.commit().await.map_err(database)?;
            return Err(RefreshError::Reused { user: row.user_id, session });
        }
        if row.disabled {
            return Err(RefreshError::Disabled);
        }
        if row.closed {
            return Err(RefreshError::Closed);
        }
        let ends_at = row.ends_at.to_jiff();
        if now >= expires_at.to_jiff() || now >= ends_at {
            return Err(RefreshError::Expired);
        }

        let (refresh, next) = Purpose::Refresh.generate();
        let expires_at = after(now, self.options.session_idle).min(ends_at);
        sqlx::query("UPDATE identity.refresh_tokens SET used_at = $2 WHERE hash = $1")
            .bind(hash.as_slice())
            .bind(now.to_sqlx())
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
        add_token(&mut transaction, session, &next, expires_at).await?;
        sqlx::query(
            "UPDATE identity.sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1",
        )
        .bind(session)
        .bind(now.to_sqlx())
        .bind(expires_at.to_sqlx())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
        transaction.commit().await.map_err(database)?;
        let Row { user_id: user, organization, .. } = row;
        Ok(Refreshed { user, session, organization, refresh, expires_at })
    }
}
