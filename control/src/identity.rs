//! Who people are: the one mutable table of the platform, and the only place with names and e-mails.
//!
//! The log knows people by their id, so erasing a row here erases the person and rewrites no history. Signing in
//! is the only thing the control plane needs this table for.

use ff_auth::passwords::{PasswordError, PasswordHash, PasswordService};
use ff_domain::UserId;
use secrecy::SecretString;
use sqlx::PgPool;
use uuid::Uuid;

/// The table of people; cheap to clone.
#[derive(Debug, Clone)]
pub struct Users {
    pool: PgPool,
    passwords: PasswordService,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What events call them.
    pub id: UserId,
    /// Where they get mail, and how they sign in.
    pub email: String,
    /// What others call them.
    pub name: String,
}

/// The table of people could not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Postgres cannot be reached, or refused the statement.
    #[error("the table of users cannot be reached, try again when Postgres is back")]
    Unavailable(#[source] sqlx::Error),
    /// The e-mail is taken.
    #[error("somebody with this e-mail exists, sign in or use another")]
    EmailTaken,
    /// It does not look like an e-mail.
    #[error("an e-mail has one `@` with something on both sides, and at most 254 characters")]
    BadEmail,
    /// The password could not be hashed or checked.
    #[error("the password could not be worked on")]
    Password(#[source] PasswordError),
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    email: String,
    name: String,
    password_hash: Option<String>,
    disabled: bool,
}

impl Users {
    /// The people in this database.
    #[must_use]
    pub fn new(pool: PgPool, passwords: PasswordService) -> Self {
        Self { pool, passwords }
    }

    /// The person with this e-mail, upper and lower case alike.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<User>, IdentityError> {
        Ok(self.row("WHERE lower(email) = lower($1)", email).await?.map(Row::into_user))
    }

    /// The person with this id.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn find(&self, id: UserId) -> Result<Option<User>, IdentityError> {
        Ok(self.row("WHERE id = $1::uuid", &id.to_string()).await?.map(Row::into_user))
    }

    /// Adds a person who signs in with a password.
    ///
    /// # Errors
    /// [`IdentityError::EmailTaken`] and [`IdentityError::BadEmail`] before anything is written.
    pub async fn create_user(
        &self,
        email: &str,
        name: &str,
        password: SecretString,
    ) -> Result<UserId, IdentityError> {
        let email = email.trim();
        check_email(email)?;
        let hash = self.passwords.hash(password).await.map_err(IdentityError::Password)?;
        let id = Uuid::now_v7();
        let inserted = sqlx::query(
            "INSERT INTO identity.users (id, email, name, password_hash) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(email)
        .bind(name)
        .bind(hash.as_str())
        .execute(&self.pool)
        .await
        .map_err(IdentityError::Unavailable)?;
        if inserted.rows_affected() == 1 { Ok(UserId(id)) } else { Err(IdentityError::EmailTaken) }
    }

    /// The first owner of an installation: who has this e-mail, or a new person. Running it again changes nothing,
    /// the password included.
    ///
    /// # Errors
    /// As [`Users::create_user`].
    pub async fn bootstrap_owner(
        &self,
        email: &str,
        name: &str,
        password: SecretString,
    ) -> Result<UserId, IdentityError> {
        if let Some(user) = self.find_by_email(email).await? {
            return Ok(user.id);
        }
        match self.create_user(email, name, password).await {
            // Somebody else did the same meanwhile.
            Err(IdentityError::EmailTaken) => {
                let user = self.find_by_email(email).await?;
                user.map(|user| user.id).ok_or(IdentityError::EmailTaken)
            }
            done => done,
        }
    }

    /// The person with this e-mail, if the password is theirs. It takes as long for someone unknown.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
    ) -> Result<Option<User>, IdentityError> {
        let row = self.row("WHERE lower(email) = lower($1)", email.trim()).await?;
        let row = row.filter(|row| !row.disabled);
        let hash = match row.as_ref().and_then(|row| row.password_hash.as_deref()) {
            Some(text) => Some(text.parse::<PasswordHash>().map_err(IdentityError::Password)?),
            None => None,
        };
        let right = self.passwords.verify(password, hash).await.map_err(IdentityError::Password)?;
        Ok(row.filter(|_| right).map(Row::into_user))
    }

    async fn row(
        &self,
        condition: &'static str,
        value: &str,
    ) -> Result<Option<Row>, IdentityError> {
        // Postgres text has no NUL, so nobody is called like that.
        if value.contains('\0') {
            return Ok(None);
        }
        sqlx::query_as(&format!(
            "SELECT id, email, name, password_hash, disabled_at IS NOT NULL AS disabled \
             FROM identity.users {condition}"
        ))
        .bind(value)
        .fetch_optional(&self.pool)
        .await
        .map_err(IdentityError::Unavailable)
    }
}

impl Row {
    fn into_user(self) -> User {
        User { id: UserId(self.id), email: self.email, name: self.name }
    }
}

fn check_email(email: &str) -> Result<(), IdentityError> {
    let shaped = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    let odd = email.chars().any(|c| c.is_whitespace() || c.is_control());
    if shaped && !odd && email.len() <= 254 { Ok(()) } else { Err(IdentityError::BadEmail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_something_on_both_sides() {
        for good in ["a@b", "ada.lovelace+ff@example.com", "ü@exämple.org"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\0", &format!("{}@b", "x".repeat(254))]
        {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}
