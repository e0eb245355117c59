//! What can go wrong with people, whatever is done with them.

use std::fmt;

use ff_auth::PasswordError;

use crate::BadPassword;

/// The table of people could not answer, or refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Postgres cannot be reached, or refused the statement.
    #[error("the table of people cannot be reached: try again when Postgres is back")]
    Unavailable(#[source] DatabaseError),
    /// The e-mail is taken.
    #[error("somebody with this e-mail exists: sign in or use another")]
    EmailTaken,
    /// It does not look like an e-mail.
    #[error("an e-mail has one `@` with something on both sides, and at most 254 characters")]
    BadEmail,
    /// It is no name.
    #[error("a name has 1 to 200 characters, and none that break the line or turn its direction")]
    BadName,
    /// The new password is none that is taken.
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// The roles of an invitation hold a NUL, which Postgres cannot store.
    #[error("roles may not hold the character NUL: leave it out")]
    BadRoles,
    /// Nobody has this id, or the person was erased.
    #[error("there is no such person")]
    Unknown,
    /// A password could not be hashed or checked.
    #[error("the password could not be worked on")]
    Password(#[source] PasswordError),
}

/// What the database said. Printed, `{:?}` included, it is the message alone: the details that Postgres adds quote the
/// values of the row.
pub struct DatabaseError(sqlx::Error);

impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseError({})", self.0)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for DatabaseError {}

impl From<sqlx::Error> for DatabaseError {
    fn from(source: sqlx::Error) -> Self {
        Self(source)
    }
}

/// The way of every failed statement.
pub(crate) fn database(source: sqlx::Error) -> IdentityError {
    IdentityError::Unavailable(DatabaseError(source))
}
