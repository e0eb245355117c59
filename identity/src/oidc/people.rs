//! Who somebody is here whom a provider vouches for.
//!
//! A provider's subject is one person for as long as that person is not erased. The first time it is seen it becomes the
//! member the caller knows by the same e-mail, or somebody new who belongs to the organization alone. Never the same
//! person as another subject of the same connection: an e-mail that a provider gives to somebody else does not carry an
//! account with it.
//!
//! Erasing a person removes the tie as well. If the provider still vouches for the subject afterwards, that is somebody
//! new: nothing here knows any more that they were somebody before.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{SingleSignOn, claims::External};
use crate::DatabaseError;

/// Nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The person was shut out.
    #[error("this account is disabled: ask an administrator of the organization")]
    Disabled,
    /// The person the caller named is of another organization, or has another e-mail.
    #[error("the account with this e-mail cannot be used through this organization")]
    NotThatPerson,
    /// PostgreSQL cannot be reached, or refused.
    #[error("people cannot be looked up, try again when PostgreSQL is back")]
    Unavailable(#[source] DatabaseError),
}

impl From<sqlx::Error> for ResolveError {
    fn from(source: sqlx::Error) -> Self {
        Self::Unavailable(source.into())
    }
}

/// Who somebody is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// Their id.
    pub user: Uuid,
    /// Whether nobody knew them before.
    pub created: bool,
}

struct Person {
    id: Uuid,
    organization: Option<Uuid>,
    disabled: bool,
}

impl SingleSignOn {
    /// Who this is. `known` is a member of the organization whose verified e-mail is that of `external`, if there
    /// is one; it counts the first time only, and not when the provider does not vouch for an e-mail.
    ///
    /// Two that come at once become one person. The name and e-mail of people who belong to the organization follow
    /// the provider.
    ///
    /// # Errors
    /// [`ResolveError::Disabled`] for people who were disabled, [`ResolveError::NotThatPerson`] for a
    /// `known` who cannot be meant, [`ResolveError::Unavailable`] without PostgreSQL.
    pub async fn resolve(
        &self,
        external: &External,
        known: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Resolved, ResolveError> {
        let mut transaction = self.pool.begin().await?;
        let connection = &mut *transaction;
        let subject = subject_hash(external);
        // Logins of one organization come one after the other, so that neither a subject nor an e-mail is seen for
        // the first time twice. It takes milliseconds.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('single sign-on ' || $1, 0))")
            .bind(external.organization.to_string())
            .execute(&mut *connection)
            .await?;
        let (person, created) = match seen_before(connection, external, &subject).await? {
            Some(person) => (person, false),
            None => {
                let (person, created) = match first_time(connection, external, known).await? {
                    Some(person) => (person, false),
                    None => (create(connection, external, now).await?, true),
                };
                link(connection, external, &subject, &person, now).await?;
                (person, created)
            }
        };
        if person.disabled {
            return Err(ResolveError::Disabled);
        }
        if person.organization.is_some() {
            follow(connection, external, &person).await?;
        }
        sqlx::query(
            "UPDATE identity.external_identities SET last_used_at = $3 WHERE connection = $1 AND subject_hash = $2",
        )
        .bind(external.connection)
        .bind(subject)
        .bind(now.to_sqlx())
        .execute(&mut *connection)
        .await?;
        transaction.commit().await?;
        Ok(Resolved { user: person.id, created })
    }
}

impl SingleSignOn {
    /// Who this was when they came through the connection before, if they did. Nothing is written down.
    ///
    /// # Errors
    /// [`ResolveError::Unavailable`] without PostgreSQL.
    pub async fn recognise(&self, external: &External) -> Result<Option<Uuid>, ResolveError> {
        let seen = sqlx::query_scalar(
            "SELECT user_id FROM identity.external_identities WHERE connection = $1 AND subject_hash = $2",
        );
        let seen = seen.bind(external.connection).bind(subject_hash(external));
        Ok(seen.fetch_optional(&self.pool).await?)
    }
}

fn subject_hash(external: &External) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(external.connection);
    hash.update(&external.subject);
    hash.finalize().into()
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Person, sqlx::Error> {
    Ok(Person {
        id: row.try_get("id")?,
        organization: row.try_get("organization")?,
        disabled: row.try_get("disabled")?,
    })
}

async fn seen_before(
    connection: &mut PgConnection,
    external: &External,
    subject: &[u8; 32],
) -> Result<Option<Person>, sqlx::Error> {
    sqlx::query(
        "SELECT u.id, u.organization, u.disabled_at IS NOT NULL AS disabled FROM identity.external_identities e \
         JOIN identity.users u ON u.id = e.user_id WHERE e.connection = $1 AND e.subject_hash = $2 FOR UPDATE OF u",
    )
    .bind(external.connection)
    .bind(subject)
    .try_map(|row| read(&row))
    .fetch_optional(connection)
    .await
}

/// Somebody with this e-mail whom no other subject of the connection is: the member the caller knows, or else
/// somebody who came into this organization through another connection.
async fn first_time(
    connection: &mut PgConnection,
    external: &External,
    known: Option<Uuid>,
) -> Result<Option<Person>, ResolveError> {
    let Some(email) = &external.email else { return Ok(None) };
    let row = sqlx::query(
        "SELECT u.id, u.organization, u.disabled_at IS NOT NULL AS disabled, \
         EXISTS (SELECT FROM identity.external_identities e WHERE e.connection = $1 AND e.user_id = u.id) AS taken \
         FROM identity.users u WHERE lower(u.email) = lower($2) \
         AND (CASE WHEN $4::uuid IS NULL THEN u.organization = $3 \
              ELSE u.id = $4 AND (u.organization IS NULL OR u.organization = $3) END) FOR UPDATE OF u",
    )
    .bind(external.connection)
    .bind(email)
    .bind(external.organization)
    .bind(known)
    .fetch_optional(connection)
    .await?;
    match row {
        Some(row) if row.try_get("taken")? => Ok(None),
        Some(row) => Ok(Some(read(&row)?)),
        None if known.is_some() => Err(ResolveError::NotThatPerson),
        None => Ok(None),
    }
}

async fn create(
    connection: &mut PgConnection,
    external: &External,
    now: Timestamp,
) -> Result<Person, sqlx::Error> {
    let id = Uuid::now_v7();
    release_email(connection, external, id).await?;
    sqlx::query(
        "INSERT INTO identity.users (id, organization, email, name, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(external.organization)
    .bind(&external.email)
    .bind(&external.name)
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(Person { id, organization: Some(external.organization), disabled: false })
}

async fn link(
    connection: &mut PgConnection,
    external: &External,
    subject: &[u8; 32],
    person: &Person,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO identity.external_identities (connection, subject_hash, user_id, created_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(external.connection)
    .bind(subject)
    .bind(person.id)
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Takes over what the provider says now. What it no longer says stays.
async fn follow(
    connection: &mut PgConnection,
    external: &External,
    person: &Person,
) -> Result<(), sqlx::Error> {
    release_email(connection, external, person.id).await?;
    sqlx::query(
        "UPDATE identity.users SET email = coalesce($2, email), name = coalesce($3, name) \
         WHERE id = $1 AND (email IS DISTINCT FROM coalesce($2, email) OR name IS DISTINCT FROM coalesce($3, name))",
    )
    .bind(person.id)
    .bind(&external.email)
    .bind(&external.name)
    .execute(connection)
    .await
    .map(drop)
}

/// Takes the e-mail from whoever of the organization's own people had it: the provider says whose it is now.
async fn release_email(
    connection: &mut PgConnection,
    external: &External,
    holder: Uuid,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE identity.users SET email = NULL WHERE organization = $1 AND lower(email) = lower($2) AND id <> $3",
    )
    .bind(external.organization)
    .bind(&external.email)
    .bind(holder)
    .execute(connection)
    .await
    .map(drop)
}
