//! The connections of organizations: made, read, changed and deleted.

use std::sync::Arc;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{PgExecutor, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    SingleSignOn,
    connection::{BadConnection, Connection, ConnectionDraft},
    provider::{Provider, ProviderError},
    seal::SealError,
};
use crate::DatabaseError;

const COLUMNS: &str = "id, organization, name, issuer, client_id, groups_claim, group_roles, default_roles, \
    email_domains, require_email, enabled, version, created_at, updated_at";

/// A connection could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The draft cannot be one.
    #[error(transparent)]
    Bad(BadConnection),
    /// The provider cannot be used as it is described.
    #[error("the identity provider cannot be used")]
    Provider(#[source] Arc<ProviderError>),
    /// There is no secret for this provider and client.
    #[error(
        "enter the client secret: it is needed for a new connection, and for another issuer or client id"
    )]
    SecretNeeded,
    /// The organization has none with this id.
    #[error("the organization has no such connection")]
    NotFound,
    /// Somebody changed it meanwhile.
    #[error("the connection has been changed, its version is {current}: look at it again")]
    Changed {
        /// The version it has.
        current: i64,
    },
    /// PostgreSQL cannot be reached, or refused.
    #[error("the connections cannot be reached, try again when PostgreSQL is back")]
    Unavailable(#[source] DatabaseError),
}

impl From<sqlx::Error> for ConnectionError {
    fn from(source: sqlx::Error) -> Self {
        Self::Unavailable(source.into())
    }
}

impl SingleSignOn {
    /// Makes a connection of the organization, after a look at the provider.
    ///
    /// # Errors
    /// [`ConnectionError`]: the draft, the provider, or PostgreSQL.
    pub async fn create_connection(
        &self,
        organization: Uuid,
        draft: ConnectionDraft,
        now: Timestamp,
    ) -> Result<Connection, ConnectionError> {
        let draft = draft.tidied().map_err(ConnectionError::Bad)?;
        let secret = draft.client_secret.as_ref().ok_or(ConnectionError::SecretNeeded)?;
        self.look_at(&draft.issuer).await?;
        let id = Uuid::now_v7();
        let owner = secret_owner(id, &draft.issuer, &draft.client_id);
        let sealed = self.sealer.seal(secret.expose_secret().as_bytes(), &owner);
        let sql = format!(
            "INSERT INTO identity.connections (id, organization, name, issuer, client_id, client_secret, groups_claim, \
             group_roles, default_roles, email_domains, require_email, enabled, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $13) RETURNING {COLUMNS}"
        );
        sqlx::query(&sql)
            .bind(id)
            .bind(organization)
            .bind(&draft.name)
            .bind(&draft.issuer)
            .bind(&draft.client_id)
            .bind(sealed)
            .bind(&draft.groups_claim)
            .bind(Json(&draft.group_roles))
            .bind(&draft.default_roles)
            .bind(&draft.email_domains)
            .bind(draft.require_email)
            .bind(draft.enabled)
            .bind(now.to_sqlx())
            .try_map(|row| read(&row))
            .fetch_one(&self.pool)
            .await
            .map_err(ConnectionError::from)
    }

    /// Changes a connection that still has this version. Another issuer is looked at first.
    ///
    /// # Errors
    /// [`ConnectionError::Changed`] with the version it has; otherwise as [`SingleSignOn::create_connection`].
    pub async fn update_connection(
        &self,
        organization: Uuid,
        id: Uuid,
        version: i64,
        draft: ConnectionDraft,
        now: Timestamp,
    ) -> Result<Connection, ConnectionError> {
        let draft = draft.tidied().map_err(ConnectionError::Bad)?;
        let (before, sealed) = self.found(organization, id).await?;
        if before.version != version {
            return Err(ConnectionError::Changed { current: before.version });
        }
        let same_issuer = before.issuer == draft.issuer;
        if draft.client_secret.is_none() && !(same_issuer && before.client_id == draft.client_id) {
            return Err(ConnectionError::SecretNeeded);
        }
        if !same_issuer {
            self.look_at(&draft.issuer).await?;
        }
        let owner = secret_owner(id, &draft.issuer, &draft.client_id);
        let sealed = match &draft.client_secret {
            Some(secret) => Some(self.sealer.seal(secret.expose_secret().as_bytes(), &owner)),
            // One that cannot be opened stays as it is: who signs in is told.
            None => self.sealer.renew(&sealed, &owner).ok().flatten(),
        };
        let sql = format!(
            "UPDATE identity.connections SET name = $4, issuer = $5, client_id = $6, \
             client_secret = coalesce($7, client_secret), groups_claim = $8, group_roles = $9, default_roles = $10, \
             email_domains = $11, require_email = $12, enabled = $13, version = version + 1, updated_at = $14 \
             WHERE organization = $1 AND id = $2 AND version = $3 RETURNING {COLUMNS}"
        );
        let changed = sqlx::query(&sql)
            .bind(organization)
            .bind(id)
            .bind(version)
            .bind(&draft.name)
            .bind(&draft.issuer)
            .bind(&draft.client_id)
            .bind(sealed)
            .bind(&draft.groups_claim)
            .bind(Json(&draft.group_roles))
            .bind(&draft.default_roles)
            .bind(&draft.email_domains)
            .bind(draft.require_email)
            .bind(draft.enabled)
            .bind(now.to_sqlx())
            .try_map(|row| read(&row))
            .fetch_optional(&self.pool)
            .await?;
        match changed {
            Some(connection) => Ok(connection),
            // Somebody else was faster.
            None => {
                let current = self.connection(organization, id).await?.version;
                Err(ConnectionError::Changed { current })
            }
        }
    }

    /// Deletes a connection that still has this version, and who came from where with it. The people stay.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`], [`ConnectionError::Changed`] or [`ConnectionError::Unavailable`].
    pub async fn delete_connection(
        &self,
        organization: Uuid,
        id: Uuid,
        version: i64,
    ) -> Result<(), ConnectionError> {
        let deleted = sqlx::query(
            "DELETE FROM identity.connections WHERE organization = $1 AND id = $2 AND version = $3",
        )
        .bind(organization)
        .bind(id)
        .bind(version)
        .execute(&self.pool)
        .await?;
        if deleted.rows_affected() == 1 {
            return Ok(());
        }
        let current = self.connection(organization, id).await?.version;
        Err(ConnectionError::Changed { current })
    }

    /// The organization's connection with this id.
    ///
    /// # Errors
    /// [`ConnectionError::NotFound`] or [`ConnectionError::Unavailable`].
    pub async fn connection(
        &self,
        organization: Uuid,
        id: Uuid,
    ) -> Result<Connection, ConnectionError> {
        self.found(organization, id).await.map(|(connection, _)| connection)
    }

    async fn found(
        &self,
        organization: Uuid,
        id: Uuid,
    ) -> Result<(Connection, Vec<u8>), ConnectionError> {
        let found = find(&self.pool, id).await?;
        found
            .filter(|(connection, _)| connection.organization == organization)
            .ok_or(ConnectionError::NotFound)
    }

    /// The organization's connections, the oldest first.
    ///
    /// # Errors
    /// [`ConnectionError::Unavailable`] without PostgreSQL.
    pub async fn connections(
        &self,
        organization: Uuid,
    ) -> Result<Vec<Connection>, ConnectionError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM identity.connections WHERE organization = $1 ORDER BY created_at, id"
        );
        sqlx::query(&sql)
            .bind(organization)
            .try_map(|row| read(&row))
            .fetch_all(&self.pool)
            .await
            .map_err(ConnectionError::from)
    }

    /// Not from the cache: who has just put the provider right wants to know.
    async fn look_at(&self, issuer: &str) -> Result<(), ConnectionError> {
        let found = Provider::discover(issuer, &self.outbound).await;
        found.map(drop).map_err(|error| ConnectionError::Provider(Arc::new(error)))
    }

    /// The client secret of a connection that was read with [`find`].
    pub(super) fn client_secret(
        &self,
        connection: &Connection,
        sealed: &[u8],
    ) -> Result<SecretString, SealError> {
        let owner = secret_owner(connection.id, &connection.issuer, &connection.client_id);
        self.sealer.open_text(sealed, &owner)
    }
}

/// A connection of any organization, and its secret, sealed.
pub(super) async fn find(
    executor: impl PgExecutor<'_>,
    id: Uuid,
) -> Result<Option<(Connection, Vec<u8>)>, sqlx::Error> {
    select(executor, id, "").await
}

/// As [`find`], held until the transaction ends.
pub(super) async fn find_locked(
    executor: impl PgExecutor<'_>,
    id: Uuid,
) -> Result<Option<(Connection, Vec<u8>)>, sqlx::Error> {
    select(executor, id, "FOR NO KEY UPDATE").await
}

async fn select(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    lock: &str,
) -> Result<Option<(Connection, Vec<u8>)>, sqlx::Error> {
    let sql =
        format!("SELECT {COLUMNS}, client_secret FROM identity.connections WHERE id = $1 {lock}");
    sqlx::query(&sql)
        .bind(id)
        .try_map(|row: PgRow| Ok((read(&row)?, row.try_get("client_secret")?)))
        .fetch_optional(executor)
        .await
}

pub(super) fn secret_owner(id: Uuid, issuer: &str, client_id: &str) -> Vec<u8> {
    [b"client secret", id.as_bytes().as_slice(), issuer.as_bytes(), b"\0", client_id.as_bytes()]
        .concat()
}

fn read(row: &PgRow) -> Result<Connection, sqlx::Error> {
    let time = |name| row.try_get::<jiff_sqlx::Timestamp, &str>(name).map(|at| at.to_jiff());
    Ok(Connection {
        id: row.try_get("id")?,
        organization: row.try_get("organization")?,
        name: row.try_get("name")?,
        issuer: row.try_get("issuer")?,
        client_id: row.try_get("client_id")?,
        groups_claim: row.try_get("groups_claim")?,
        group_roles: row.try_get::<Json<_>, _>("group_roles")?.0,
        default_roles: row.try_get("default_roles")?,
        email_domains: row.try_get("email_domains")?,
        require_email: row.try_get("require_email")?,
        enabled: row.try_get("enabled")?,
        version: row.try_get("version")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    })
}
