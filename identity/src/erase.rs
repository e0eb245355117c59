//! Erasing a person: nothing about them is left but the id, which the log knows and which says nothing.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::error::database;
use crate::{IdentityError, People, email, lockouts, people, sessions};

impl People {
    /// Removes e-mail, name, password, ties to identity providers, sessions, resets, wrong passwords and invitations
    /// to the e-mail. Access tokens die as with [`People::disable`]. The row with the id stays, so that an id in the
    /// history is known as one of somebody who was erased. Doing it again changes nothing.
    ///
    /// The e-mail can be used for a new account at once. Postgres overwrites the old row when it vacuums.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] for nobody.
    pub async fn erase(&self, id: Uuid, now: Timestamp) -> Result<(), IdentityError> {
        let mut transaction = self.pool.begin().await.map_err(database)?;
        let account = people::lock(&mut transaction, id).await?.ok_or(IdentityError::Unknown)?;
        if account.erased {
            return Ok(());
        }
        sessions::close_all(&mut transaction, id, None, now).await?;
        for statement in [
            "DELETE FROM identity.sessions WHERE user_id = $1",
            "DELETE FROM identity.resets WHERE user_id = $1",
            "DELETE FROM identity.external_identities WHERE user_id = $1",
        ] {
            let deleted = sqlx::query(statement).bind(id).execute(&mut *transaction).await;
            deleted.map_err(database)?;
        }
        if let Some(address) = &account.email {
            // The e-mail of somebody of an identity provider may be that of another person elsewhere.
            sqlx::query(
                "DELETE FROM identity.invitations \
                 WHERE lower(email) = lower($1) AND ($2::uuid IS NULL OR organization = $2)",
            )
            .bind(address)
            .bind(account.organization)
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
            if account.organization.is_none() {
                lockouts::forgive(&mut transaction, &email::key(address)).await?;
            }
        }
        sqlx::query(
            "UPDATE identity.users SET email = NULL, name = NULL, password_hash = NULL, \
             erased_at = $2, disabled_at = coalesce(disabled_at, $2) WHERE id = $1",
        )
        .bind(id)
        .bind(now.to_sqlx())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
        transaction.commit().await.map_err(database)
    }
}
