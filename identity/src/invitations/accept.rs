//! Accepting an invitation: once, by who got the mail.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Row;
use crate::error::database;
use crate::secret::{Hash, Purpose};
use crate::{BadPassword, IdentityError, People, email, password_rules, people};

/// Who accepts. Printed without the name.
pub enum Accept {
    /// Somebody without an account, who gets one with the invited e-mail.
    New {
        /// What they are called.
        name: String,
        /// What they will sign in with.
        password: SecretString,
    },
    /// Somebody who is signed in, and whose e-mail is the invited one.
    Signed {
        /// Who.
        user: Uuid,
    },
}

/// What is to be done now: give `roles` to `user`, in the name of `invited_by`. If that fails, [`People::reopen`].
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Who accepted.
    pub user: Uuid,
    /// Into which organization.
    pub organization: Uuid,
    /// What they are to be given.
    pub roles: Value,
    /// Who invited them.
    pub invited_by: Uuid,
    /// Which invitation it was.
    pub invitation: Uuid,
}

/// Nothing was accepted, and the invitation is as before.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It is no invitation of ours, was accepted or withdrawn, or its time is over.
    #[error("this invitation is not good any more: ask for another")]
    Unknown,
    /// There is an account with the invited e-mail.
    #[error("there is an account with the invited e-mail: sign in to accept the invitation")]
    EmailTaken,
    /// Who is signed in has another e-mail than the invited one.
    #[error(
        "the invitation is for another e-mail: sign in with that, or ask for another invitation"
    )]
    OtherEmail,
    /// Who is signed in belongs to the organization of an identity provider alone.
    #[error("this person signs in to one organization only: accept with an account of one's own")]
    OtherOrganization,
    /// Who is signed in is kept out, or was erased.
    #[error("this person may not sign in: ask an administrator")]
    Disabled,
    /// The password is none that is taken.
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// It could not be done; [`IdentityError::BadName`] for what is no name.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

impl std::fmt::Debug for Accept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New { .. } => f.debug_struct("New").finish_non_exhaustive(),
            Self::Signed { user } => f.debug_struct("Signed").field("user", user).finish(),
        }
    }
}

impl People {
    /// Accepts an invitation, once. Somebody new has an account afterwards, but no session and no roles yet.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub async fn accept(
        &self,
        token: &SecretString,
        who: Accept,
        now: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        match who {
            Accept::New { name, password } => self.accept_new(token, &name, password, now).await,
            Accept::Signed { user } => self.accept_signed(token, user, now).await,
        }
    }

    /// Makes an accepted invitation one that can be accepted, since its roles could not be given. Whether there was
    /// such a one; it is remembered for a day. Somebody who was new has an account by then, and accepts signed in.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn reopen(&self, invitation: Uuid) -> Result<bool, IdentityError> {
        let reopened = sqlx::query(
            "UPDATE identity.invitations SET accepted_at = NULL \
             WHERE id = $1 AND accepted_at IS NOT NULL",
        )
        .bind(invitation)
        .execute(&self.pool)
        .await
        .map_err(database)?;
        Ok(reopened.rows_affected() > 0)
    }

    async fn accept_new(
        &self,
        token: &SecretString,
        name: &str,
        password: SecretString,
        now: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        let look = self.look(token, now).await?.ok_or(AcceptError::Unknown)?;
        if look.has_account {
            return Err(AcceptError::EmailTaken);
        }
        let name = email::check_name(name)?;
        password_rules::check(&password, &look.invitation.email)?;
        let hash = self.passwords.hash(password).await.map_err(IdentityError::Password)?;

        let used = Purpose::Invitation.hash(token).ok_or(AcceptError::Unknown)?;
        let mut transaction = self.pool.begin().await.map_err(database)?;
        let invitation = take(&mut transaction, &used, now).await?;
        let user = people::insert(&mut transaction, &invitation.email, name, &hash).await?;
        let user = user.ok_or(AcceptError::EmailTaken)?;
        transaction.commit().await.map_err(database)?;
        Ok(invitation.accepted_by(user))
    }

    async fn accept_signed(
        &self,
        token: &SecretString,
        user: Uuid,
        now: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        let hash = Purpose::Invitation.hash(token).ok_or(AcceptError::Unknown)?;
        let mut transaction = self.pool.begin().await.map_err(database)?;
        let account = people::lock(&mut transaction, user).await?;
        let account = account.ok_or(IdentityError::Unknown)?;
        if account.disabled || account.erased {
            return Err(AcceptError::Disabled);
        }
        let invitation = take(&mut transaction, &hash, now).await?;
        if !account.email.is_some_and(|own| email::same(&own, &invitation.email)) {
            return Err(AcceptError::OtherEmail);
        }
        if account.organization.is_some_and(|own| own != invitation.organization) {
            return Err(AcceptError::OtherOrganization);
        }
        transaction.commit().await.map_err(database)?;
        Ok(invitation.accepted_by(user))
    }
}

impl Row {
    fn accepted_by(self, user: Uuid) -> Accepted {
        Accepted {
            user,
            organization: self.organization,
            roles: self.roles.0,
            invited_by: self.invited_by,
            invitation: self.id,
        }
    }
}

/// Marks the invitation as accepted, if it can be.
async fn take(
    connection: &mut PgConnection,
    hash: &Hash,
    now: Timestamp,
) -> Result<Row, AcceptError> {
    let row: Option<Row> = sqlx::query_as(&format!(
        "UPDATE identity.invitations SET accepted_at = $2 \
         WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2 RETURNING {}",
        super::COLUMNS
    ))
    .bind(hash.as_slice())
    .bind(now.to_sqlx())
    .fetch_optional(connection)
    .await
    .map_err(database)?;
    row.ok_or(AcceptError::Unknown)
}
