//! Sessions that an organization's identity provider has vouched for. They end when people can no longer come in through
//! the connection, also those that are being opened at that moment.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::{OpenError, Opened, Origin};
use crate::error::database;
use crate::{IdentityError, People, Revocation};

impl People {
    /// Opens a session that is limited to `organization`, for somebody who came through this connection of it. It goes on
    /// for [`PeopleOptions::session_vouched`](crate::PeopleOptions::session_vouched) at most.
    ///
    /// # Errors
    /// [`OpenError::ConnectionClosed`] when the connection is gone or switched off, and as [`People::open`].
    pub async fn open_through(
        &self,
        connection: Uuid,
        user: Uuid,
        organization: Uuid,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Opened, OpenError> {
        let mut transaction = self.pool.begin().await.map_err(database)?;
        // Whoever switches the connection off waits for this session and closes it, or is waited for here.
        let open: Option<bool> = sqlx::query_scalar(
            "SELECT enabled FROM identity.connections WHERE id = $1 AND organization = $2 FOR SHARE",
        )
        .bind(connection)
        .bind(organization)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(database)?;
        if open != Some(true) {
            return Err(OpenError::ConnectionClosed);
        }
        let opened = self.open_in(&mut transaction, user, Some(organization), origin, now).await?;
        transaction.commit().await.map_err(database)?;
        Ok(opened)
    }

    /// Closes the sessions, in the organization of this connection, of everybody who ever came through it. Call it once
    /// nobody can come through it any more. Doing it again is harmless.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn close_through(
        &self,
        connection: Uuid,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, IdentityError> {
        let closed: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "WITH closed AS (UPDATE identity.sessions s SET closed_at = $2, address = NULL, agent = NULL \
               FROM identity.external_identities e JOIN identity.connections c ON c.id = e.connection \
               WHERE e.connection = $1 AND s.user_id = e.user_id AND s.organization = c.organization \
               AND s.closed_at IS NULL RETURNING s.user_id, s.id) \
             INSERT INTO identity.revocations (user_id, session_id, at) SELECT user_id, id, $2 FROM closed \
             RETURNING user_id, session_id",
        )
        .bind(connection)
        .bind(now.to_sqlx())
        .fetch_all(&self.pool)
        .await
        .map_err(database)?;
        let revocation = |(user, session)| Revocation { user, session: Some(session), at: now };
        Ok(closed.into_iter().map(revocation).collect())
    }
}
