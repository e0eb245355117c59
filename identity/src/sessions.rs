//! Sessions: opened when somebody signs in, kept up with refresh tokens, closed by them or by an administrator.
//!
//! A session ends when it is not used for a while, and after a longer while in any case. Closing one writes a
//! revocation in the same transaction, so that its access tokens die too, and forgets from where it was opened.

mod refresh;
mod through;

use std::net::IpAddr;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::database;
use crate::redacted::shown;
use crate::secret::{Hash, Purpose};
use crate::{IdentityError, People, people};

pub use refresh::{RefreshError, Refreshed};

/// What programs say about themselves is cut after this many characters.
const LONGEST_AGENT: usize = 400;

/// From where a session is opened, to be recognised in a list. Printed without either.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// What the client says it is (`User-Agent`).
    pub agent: Option<String>,
}

/// A session that has just been opened.
#[derive(Debug)]
pub struct Opened {
    /// Its id, for the access tokens.
    pub session: Uuid,
    /// What gets the next access token.
    pub refresh: SecretString,
    /// Until when it does, if it is not used before.
    pub expires_at: Timestamp,
}

/// A session that is open. Printed without address and agent.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// The organization it is limited to.
    pub organization: Option<Uuid>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was opened or last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used before.
    pub expires_at: Timestamp,
    /// From which address it was opened.
    pub address: Option<IpAddr>,
    /// With what it was opened.
    pub agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

shown!(Origin:);
shown!(Session: id, organization, created_at, last_used_at, expires_at, current);

/// No session was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The person is kept out, or was erased.
    #[error("this person may not sign in: ask an administrator")]
    Disabled,
    /// The person belongs to the organization of an identity provider, and the session would be for another or for all.
    #[error("this person signs in to one organization only: open the session for that one")]
    OtherOrganization,
    /// Nobody comes in through this connection to an identity provider any more.
    #[error(
        "nobody can sign in through this connection any more: ask an administrator of the organization"
    )]
    ConnectionClosed,
    /// It could not be done; [`IdentityError::Unknown`] for nobody.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    organization: Option<Uuid>,
    created_at: jiff_sqlx::Timestamp,
    last_used_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    address: Option<String>,
    agent: Option<String>,
}

impl People {
    /// Opens a session, limited to `organization` if there is one. Such a one goes on for
    /// [`PeopleOptions::session_vouched`](crate::PeopleOptions::session_vouched) at most.
    ///
    /// # Errors
    /// [`OpenError`] for those who may have none.
    pub async fn open(
        &self,
        user: Uuid,
        organization: Option<Uuid>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Opened, OpenError> {
        let mut transaction = self.pool.begin().await.map_err(database)?;
        let opened = self.open_in(&mut transaction, user, organization, origin, now).await?;
        transaction.commit().await.map_err(database)?;
        Ok(opened)
    }

    async fn open_in(
        &self,
        connection: &mut PgConnection,
        user: Uuid,
        organization: Option<Uuid>,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Opened, OpenError> {
        let account = people::lock(connection, user).await?;
        let account = account.ok_or(IdentityError::Unknown)?;
        if account.disabled || account.erased {
            return Err(OpenError::Disabled);
        }
        if account.organization.is_some() && account.organization != organization {
            return Err(OpenError::OtherOrganization);
        }
        let session = Uuid::now_v7();
        let longest = match organization {
            // Whoever vouched for the person is asked anew, and may say something else by then.
            Some(_) => self.options.session_longest.min(self.options.session_vouched),
            None => self.options.session_longest,
        };
        let ends_at = after(now, longest);
        let expires_at = after(now, self.options.session_idle).min(ends_at);
        sqlx::query(
            "INSERT INTO identity.sessions \
             (id, user_id, organization, created_at, last_used_at, expires_at, ends_at, address, agent) \
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8)",
        )
        .bind(session)
        .bind(user)
        .bind(organization)
        .bind(now.to_sqlx())
        .bind(expires_at.to_sqlx())
        .bind(ends_at.to_sqlx())
        .bind(origin.address.map(|address| address.to_canonical().to_string()))
        .bind(origin.agent.as_deref().and_then(shortened))
        .execute(&mut *connection)
        .await
        .map_err(database)?;
        let (refresh, hash) = Purpose::Refresh.generate();
        add_token(connection, session, &hash, expires_at).await?;
        Ok(Opened { session, refresh, expires_at })
    }

    /// The open sessions of a person, the one used last first. `current` is the session that asks.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn list(
        &self,
        user: Uuid,
        current: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Vec<Session>, IdentityError> {
        let rows: Vec<SessionRow> = sqlx::query_as(
            "SELECT id, organization, created_at, last_used_at, expires_at, address, agent \
             FROM identity.sessions WHERE user_id = $1 AND closed_at IS NULL AND expires_at > $2 \
             ORDER BY last_used_at DESC, id DESC",
        )
        .bind(user)
        .bind(now.to_sqlx())
        .fetch_all(&self.pool)
        .await
        .map_err(database)?;
        let sessions = rows.into_iter().map(|row| Session {
            id: row.id,
            organization: row.organization,
            created_at: row.created_at.to_jiff(),
            last_used_at: row.last_used_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            address: row.address.and_then(|address| address.parse().ok()),
            agent: row.agent,
            current: current == Some(row.id),
        });
        Ok(sessions.collect())
    }

    /// Closes a session of this person. Whether there was such a one that was not closed yet.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn close(
        &self,
        user: Uuid,
        session: Uuid,
        now: Timestamp,
    ) -> Result<bool, IdentityError> {
        let mut connection = self.pool.acquire().await.map_err(database)?;
        close(&mut connection, user, session, now).await
    }

    /// Closes the session of a refresh token, whose access token may have expired. A token that was used before will
    /// do: who has it wants to be out. Gives the person and the session, if the token is known.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn close_with(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Option<(Uuid, Uuid)>, IdentityError> {
        let Some(hash) = Purpose::Refresh.hash(token) else { return Ok(None) };
        let found: Option<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT s.user_id, s.id FROM identity.refresh_tokens t \
             JOIN identity.sessions s ON s.id = t.session_id WHERE t.hash = $1",
        )
        .bind(hash.as_slice())
        .fetch_optional(&self.pool)
        .await
        .map_err(database)?;
        if let Some((user, session)) = found {
            self.close(user, session, now).await?;
        }
        Ok(found)
    }

    /// Closes all sessions of a person, and says how many there were.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] for nobody.
    pub async fn close_all(&self, user: Uuid, now: Timestamp) -> Result<u64, IdentityError> {
        let mut transaction = self.pool.begin().await.map_err(database)?;
        people::lock(&mut transaction, user).await?.ok_or(IdentityError::Unknown)?;
        let closed = close_all(&mut transaction, user, None, now).await?;
        transaction.commit().await.map_err(database)?;
        Ok(closed)
    }
}

/// Closes all sessions but `keep`; without one to keep, all access tokens die, also those of no session. The caller
/// holds the lock of the person.
pub(crate) async fn close_all(
    connection: &mut PgConnection,
    user: Uuid,
    keep: Option<Uuid>,
    now: Timestamp,
) -> Result<u64, IdentityError> {
    let closed = sqlx::query(
        "WITH closed AS (UPDATE identity.sessions SET closed_at = $2, address = NULL, agent = NULL \
           WHERE user_id = $1 AND closed_at IS NULL AND id IS DISTINCT FROM $3 RETURNING id) \
         INSERT INTO identity.revocations (user_id, session_id, at) SELECT $1, id, $2 FROM closed",
    )
    .bind(user)
    .bind(now.to_sqlx())
    .bind(keep)
    .execute(&mut *connection)
    .await
    .map_err(database)?;
    if keep.is_none() {
        sqlx::query("INSERT INTO identity.revocations (user_id, at) VALUES ($1, $2)")
            .bind(user)
            .bind(now.to_sqlx())
            .execute(connection)
            .await
            .map_err(database)?;
    }
    Ok(closed.rows_affected())
}

async fn close(
    connection: &mut PgConnection,
    user: Uuid,
    session: Uuid,
    now: Timestamp,
) -> Result<bool, IdentityError> {
    let closed = sqlx::query(
        "WITH closed AS (UPDATE identity.sessions SET closed_at = $3, address = NULL, agent = NULL \
           WHERE id = $2 AND user_id = $1 AND closed_at IS NULL RETURNING id) \
         INSERT INTO identity.revocations (user_id, session_id, at) SELECT $1, id, $3 FROM closed",
    )
    .bind(user)
    .bind(session)
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map_err(database)?;
    Ok(closed.rows_affected() > 0)
}

async fn add_token(
    connection: &mut PgConnection,
    session: Uuid,
    hash: &Hash,
    expires_at: Timestamp,
) -> Result<(), IdentityError> {
    sqlx::query(
        "INSERT INTO identity.refresh_tokens (hash, session_id, expires_at) VALUES ($1, $2, $3)",
    )
    .bind(hash.as_slice())
    .bind(session)
    .bind(expires_at.to_sqlx())
    .execute(connection)
    .await
    .map_err(database)?;
    Ok(())
}

/// `now` and a lifetime, at most the end of time.
pub(crate) fn after(now: Timestamp, lifetime: jiff::SignedDuration) -> Timestamp {
    now.saturating_add(lifetime).unwrap_or(Timestamp::MAX)
}

fn shortened(agent: &str) -> Option<String> {
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect();
    (!agent.is_empty()).then_some(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_cut_and_holds_no_control_characters() {
        assert_eq!(shortened("a\0b\r\nc").as_deref(), Some("abc"));
        assert_eq!(shortened(&"ü".repeat(500)).unwrap().chars().count(), LONGEST_AGENT);
        assert_eq!(shortened("\0"), None);
    }

    #[test]
    fn printing_an_origin_does_not_print_it() {
        let address = Some([192, 0, 2, 7].into());
        let origin = Origin { address, agent: Some("Firefox".to_owned()) };
        assert_eq!(format!("{origin:?}"), "Origin { .. }");
    }
}
