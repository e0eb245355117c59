//! Signing in with e-mail and password.
//!
//! For an e-mail nobody has, the same is done as for one somebody has: the try is counted, the row looked for, and a
//! password hash of the same cost computed. So neither the answer nor its time tells who has an account.

use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use crate::error::database;
use crate::lockouts::forgive;
use crate::{IdentityError, People, Person, email, people};

/// Nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The password is not theirs, nobody has this e-mail, or they may not sign in with a password.
    #[error("e-mail or password is wrong")]
    Wrong {
        /// Who has the e-mail; for a record, and never for an answer.
        user: Option<Uuid>,
    },
    /// Too many wrong passwords. Whether this one was right was not looked at.
    #[error("too many wrong passwords: try again after {until}, or reset the password")]
    Locked {
        /// When it will be looked at again.
        until: Timestamp,
        /// Who has the e-mail; for a record, and never for an answer.
        user: Option<Uuid>,
    },
    /// It could not be found out.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

impl People {
    /// The person with this e-mail, if the password is theirs. [`People::open`] opens the session.
    ///
    /// # Errors
    /// [`SignInError::Wrong`] and [`SignInError::Locked`], alike for e-mails that nobody has but for `user`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        now: Timestamp,
    ) -> Result<Person, SignInError> {
        let key = email::key(email);
        let account = self.account_by_email(email).await?;
        let user = account.as_ref().filter(|account| !account.erased).map(|account| account.id);
        self.count_try(&key, now)
            .await?
            .map_err(|locked| SignInError::Locked { until: locked.until, user })?;
        let account = account.filter(|account| !account.disabled && !account.erased);
        let hash = account.as_ref().map(people::Account::hash).transpose()?.flatten();
        let right = self.passwords.verify(password, hash).await.map_err(IdentityError::Password)?;
        let seen = account.filter(|_| right).ok_or(SignInError::Wrong { user })?;

        let mut transaction = self.pool.begin().await.map_err(database)?;
        let account = people::lock(&mut transaction, seen.id).await?;
        // While the hash was computed, the password may have been changed to keep exactly this one out.
        let account = account
            .filter(|account| !account.disabled && account.password_hash == seen.password_hash)
            .ok_or(SignInError::Wrong { user })?;
        forgive(&mut transaction, &key).await?;
        transaction.commit().await.map_err(database)?;
        Ok(account.into())
    }
}
