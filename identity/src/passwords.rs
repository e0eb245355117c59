//! New passwords: changed by who knows the old one, or reset by who gets the mail.
//!
//! Either closes sessions: whoever found out the old password must not stay signed in with it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::database;
use crate::lockouts::forgive;
use crate::redacted::shown;
use crate::secret::Purpose;
use crate::sessions::{self, after};
use crate::{BadPassword, IdentityError, People, email, password_rules, people};

/// How many mails for a forgotten password can be on their way to one person.
const OPEN_RESETS: i64 = 3;

/// What goes into a mail to somebody who forgot their password. Printed without the e-mail and the name.
#[derive(Clone)]
pub struct ResetToken {
    /// Who it is.
    pub user: Uuid,
    /// Where the mail goes: what is stored, not what was typed.
    pub email: String,
    /// What the person is called.
    pub name: Option<String>,
    /// What lets them set a new password, once.
    pub token: SecretString,
    /// Until when.
    pub expires_at: Timestamp,
}

shown!(ResetToken: user, expires_at);

/// The password is what it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The old password is wrong. It counts as when signing in.
    #[error("the old password is wrong")]
    Wrong,
    /// Too many wrong passwords.
    #[error("too many wrong passwords: try again after {until}, or reset the password")]
    Locked {
        /// When it will be looked at again.
        until: Timestamp,
    },
    /// The person has no password: they sign in through an identity provider, are disabled, or were erased.
    #[error("there is no password to change: sign in as before, or ask an administrator")]
    NoPassword,
    /// It could not be done; [`IdentityError::BadPassword`] for a new one that is not taken.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

/// The password is what it was.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// It is no token of ours, it was used, or its time is over.
    #[error("this link is not good any more: ask for another")]
    Unknown,
    /// The new password is none that is taken. The token can still be used.
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// It could not be done.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

impl People {
    /// Sets another password for who knows the old one, and closes all sessions but `keep`.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change_password(
        &self,
        user: Uuid,
        old: SecretString,
        new: SecretString,
        keep: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let account = self.account(user).await?.filter(|account| !account.disabled);
        let account = account.ok_or(ChangeError::NoPassword)?;
        let hash = account.hash()?.ok_or(ChangeError::NoPassword)?;
        let address = account.email.as_deref().ok_or(ChangeError::NoPassword)?;
        password_rules::check(&new, address).map_err(IdentityError::BadPassword)?;
        let key = email::key(address);
        let tried = self.count_try(&key, now).await?;
        tried.map_err(|locked| ChangeError::Locked { until: locked.until })?;
        let failed = IdentityError::Password;
        if !self.passwords.verify(old, Some(hash)).await.map_err(failed)? {
            return Err(ChangeError::Wrong);
        }
        let new = self.passwords.hash(new).await.map_err(failed)?;

        let mut transaction = self.pool.begin().await.map_err(database)?;
        // Meanwhile somebody else may have set another, and this one is old.
        people::lock(&mut transaction, user)
            .await?
            .filter(|now| !now.disabled && now.password_hash == account.password_hash)
            .ok_or(ChangeError::Wrong)?;
        replace(&mut transaction, user, new.as_str(), keep, now).await?;
        forgive(&mut transaction, &key).await?;
        transaction.commit().await.map_err(database)?;
        Ok(())
    }

    /// What to mail to the person with this e-mail, if there is one who can have a password and who has not asked for
    /// too many. It takes as long and leaves as much if there is none; so that the answer does too, the caller sends
    /// the mail after it has answered.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn request_reset(
        &self,
        email: &str,
        now: Timestamp,
    ) -> Result<Option<ResetToken>, IdentityError> {
        self.make_reset(email, OPEN_RESETS, now).await
    }

    /// The same for the operator, whom others who have asked do not keep from it.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn hand_out_reset(
        &self,
        email: &str,
        now: Timestamp,
    ) -> Result<Option<ResetToken>, IdentityError> {
        self.make_reset(email, i64::MAX, now).await
    }

    async fn make_reset(
        &self,
        email: &str,
        most: i64,
        now: Timestamp,
    ) -> Result<Option<ResetToken>, IdentityError> {
        let (token, hash) = Purpose::Reset.generate();
        let key = email::key(email);
        let expires_at = after(now, self.options.reset);
        let mut transaction = self.pool.begin().await.map_err(database)?;
        // Those who ask at once are counted one after the other.
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(i64::from_be_bytes(*key.first_chunk().expect("a key has 32 bytes")))
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
        // Nobody is a row as well.
        let found: Option<(Option<Uuid>, Option<String>, Option<String>)> = sqlx::query_as(
            "WITH person AS (SELECT id, email, name FROM identity.users \
               WHERE lower(email) = lower($3) AND organization IS NULL AND disabled_at IS NULL), \
             made AS (INSERT INTO identity.resets (token_hash, key, user_id, expires_at) \
               SELECT $1, $2, (SELECT id FROM person), $4 \
               WHERE (SELECT count(*) FROM identity.resets WHERE key = $2 AND expires_at > $5) < $6 \
               RETURNING user_id) \
             SELECT id, email, name FROM made LEFT JOIN person ON person.id = made.user_id",
        )
        .bind(hash.as_slice())
        .bind(key.as_slice())
        .bind(people::without_nul(email))
        .bind(expires_at.to_sqlx())
        .bind(now.to_sqlx())
        .bind(most)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(database)?;
        transaction.commit().await.map_err(database)?;
        let Some((Some(user), Some(email), name)) = found else { return Ok(None) };
        Ok(Some(ResetToken { user, email, name, token, expires_at }))
    }

    /// Sets a new password for who got the mail, once: closes all sessions, forgets wrong passwords, and makes other
    /// mails of this kind worthless. Gives the person.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn reset(
        &self,
        token: &SecretString,
        new: SecretString,
        now: Timestamp,
    ) -> Result<Uuid, ResetError> {
        let hash = Purpose::Reset.hash(token).ok_or(ResetError::Unknown)?;
        // Looked at first, so that a password that is not taken costs nothing, and used only when all else is done.
        let found: Option<(Uuid, String)> = sqlx::query_as(
            "SELECT u.id, u.email FROM identity.resets r JOIN identity.users u ON u.id = r.user_id \
             WHERE r.token_hash = $1 AND r.expires_at > $2 AND u.email IS NOT NULL",
        )
        .bind(hash.as_slice())
        .bind(now.to_sqlx())
        .fetch_optional(&self.pool)
        .await
        .map_err(database)?;
        let (user, address) = found.ok_or(ResetError::Unknown)?;
        password_rules::check(&new, &address)?;
        let new = self.passwords.hash(new).await.map_err(IdentityError::Password)?;

        let mut transaction = self.pool.begin().await.map_err(database)?;
        let account = people::lock(&mut transaction, user).await?;
        account.filter(|account| !account.disabled).ok_or(ResetError::Unknown)?;
        let used = sqlx::query("DELETE FROM identity.resets WHERE token_hash = $1")
            .bind(hash.as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
        if used.rows_affected() == 0 {
            return Err(ResetError::Unknown);
        }
        replace(&mut transaction, user, new.as_str(), None, now).await?;
        forgive(&mut transaction, &email::key(&address)).await?;
        transaction.commit().await.map_err(database)?;
        Ok(user)
    }
}

/// The new password, and everything that must not outlive the old one. The caller holds the lock of the person.
async fn replace(
    connection: &mut PgConnection,
    user: Uuid,
    hash: &str,
    keep: Option<Uuid>,
    now: Timestamp,
) -> Result<(), IdentityError> {
    sqlx::query("UPDATE identity.users SET password_hash = $2 WHERE id = $1")
        .bind(user)
        .bind(hash)
        .execute(&mut *connection)
        .await
        .map_err(database)?;
    sqlx::query("DELETE FROM identity.resets WHERE user_id = $1")
        .bind(user)
        .execute(&mut *connection)
        .await
        .map_err(database)?;
    sessions::close_all(connection, user, keep, now).await?;
    Ok(())
}
