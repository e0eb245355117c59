//! The people: finding, adding, renaming, disabling them.

use std::collections::HashMap;

use ff_auth::{LockoutPolicy, PasswordHash, PasswordService};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::error::database;
use crate::redacted::shown;
use crate::{IdentityError, email, password_rules, sessions};

/// Everybody there is; cheap to clone.
#[derive(Debug, Clone)]
pub struct People {
    pub(crate) pool: PgPool,
    pub(crate) passwords: PasswordService,
    pub(crate) options: PeopleOptions,
}

/// How long things are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleOptions {
    /// After how many wrong passwords an e-mail is locked, and how long.
    pub lockout: LockoutPolicy,
    /// How long a session that is not used goes on.
    pub session_idle: SignedDuration,
    /// How long a session goes on at most.
    pub session_longest: SignedDuration,
    /// How long a session that an identity provider has vouched for goes on at most: then it is asked again, and roles
    /// follow what it says.
    pub session_vouched: SignedDuration,
    /// How long an invitation can be accepted.
    pub invitation: SignedDuration,
    /// How long a forgotten password can be replaced with what was mailed.
    pub reset: SignedDuration,
}

/// Somebody, or what is left of somebody who was erased. Printed without e-mail and name.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// What events call them.
    pub id: Uuid,
    /// Where they get mail; how they sign in if they have a password.
    pub email: Option<String>,
    /// What others call them.
    pub name: Option<String>,
    /// The organization whose identity provider answers for them, and which is all they can see. `None` for people
    /// with an account of their own.
    pub organization: Option<Uuid>,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// Whether they are kept out.
    pub disabled: bool,
    /// Whether they were erased. Then only the id is left.
    pub erased: bool,
}

shown!(Person: id, organization, has_password, disabled, erased);

/// A row of the table.
#[derive(sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) organization: Option<Uuid>,
    pub(crate) password_hash: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) erased: bool,
}

const COLUMNS: &str = "id, email, name, organization, password_hash, \
                       disabled_at IS NOT NULL AS disabled, erased_at IS NOT NULL AS erased";

impl Default for PeopleOptions {
    fn default() -> Self {
        Self {
            lockout: LockoutPolicy::default(),
            session_idle: SignedDuration::from_hours(14 * 24),
            session_longest: SignedDuration::from_hours(90 * 24),
            session_vouched: SignedDuration::from_hours(24),
            invitation: SignedDuration::from_hours(7 * 24),
            reset: SignedDuration::from_hours(1),
        }
    }
}

impl People {
    /// The people in this database.
    #[must_use]
    pub fn new(pool: PgPool, passwords: PasswordService, options: PeopleOptions) -> Self {
        Self { pool, passwords, options }
    }

    /// The person with this id, also if disabled or erased.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn find(&self, id: Uuid) -> Result<Option<Person>, IdentityError> {
        Ok(self.account(id).await?.map(Person::from))
    }

    /// The people with these ids, as far as there are any.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn find_many(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Person>, IdentityError> {
        let accounts: Vec<Account> =
            sqlx::query_as(&format!("SELECT {COLUMNS} FROM identity.users WHERE id = ANY($1)"))
                .bind(ids)
                .fetch_all(&self.pool)
                .await
                .map_err(database)?;
        Ok(accounts.into_iter().map(|account| (account.id, account.into())).collect())
    }

    /// The person with this e-mail, upper and lower case alike. Those of an identity provider are not looked for: the
    /// same e-mail may be that of several.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<Person>, IdentityError> {
        Ok(self.account_by_email(email).await?.map(Person::from))
    }

    /// Everybody, also who is disabled or erased, in the order of their ids, which is that of their coming: at most
    /// `limit` of them, those after `last`.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn page(&self, last: Option<Uuid>, limit: u16) -> Result<Vec<Person>, IdentityError> {
        let accounts: Vec<Account> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.users WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2"
        ))
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(database)?;
        Ok(accounts.into_iter().map(Person::from).collect())
    }

    /// Adds a person who signs in with a password.
    ///
    /// # Errors
    /// [`IdentityError::EmailTaken`], [`IdentityError::BadEmail`], [`IdentityError::BadName`] and
    /// [`IdentityError::BadPassword`] before anything is written.
    pub async fn create(
        &self,
        email: &str,
        name: &str,
        password: SecretString,
    ) -> Result<Uuid, IdentityError> {
        password_rules::check(&password, email)?;
        self.add(email, name, password).await
    }

    /// The first owner of an installation: who has this e-mail, or a new person. Running it again changes nothing,
    /// the password included. Whoever installs the platform may take any password.
    ///
    /// # Errors
    /// As [`People::create`], but for the password.
    pub async fn bootstrap_owner(
        &self,
        email: &str,
        name: &str,
        password: SecretString,
    ) -> Result<Uuid, IdentityError> {
        if let Some(person) = self.find_by_email(email).await? {
            return Ok(person.id);
        }
        match self.add(email, name, password).await {
            // Somebody else did the same meanwhile.
            Err(IdentityError::EmailTaken) => {
                let person = self.find_by_email(email).await?;
                person.map(|person| person.id).ok_or(IdentityError::EmailTaken)
            }
            done => done,
        }
    }

    /// Gives a person another name.
    ///
    /// # Errors
    /// [`IdentityError::BadName`], and [`IdentityError::Unknown`] for nobody and for those who were erased.
    pub async fn rename(&self, id: Uuid, name: &str) -> Result<(), IdentityError> {
        let name = email::check_name(name)?;
        let updated =
            sqlx::query("UPDATE identity.users SET name = $2 WHERE id = $1 AND erased_at IS NULL")
                .bind(id)
                .bind(name)
                .execute(&self.pool)
                .await
                .map_err(database)?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(IdentityError::Unknown) }
    }

    /// Keeps a person out: closes their sessions, and lets them open none until [`People::enable`]. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] for nobody.
    pub async fn disable(&self, id: Uuid, now: Timestamp) -> Result<(), IdentityError> {
        let mut transaction = self.pool.begin().await.map_err(database)?;
        lock(&mut transaction, id).await?.ok_or(IdentityError::Unknown)?;
        sqlx::query(
            "UPDATE identity.users SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1",
        )
        .bind(id)
        .bind(now.to_sqlx())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
        sqlx::query("DELETE FROM identity.resets WHERE user_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
        sessions::close_all(&mut transaction, id, None, now).await?;
        transaction.commit().await.map_err(database)
    }

    /// Lets a person in again.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] for nobody and for those who were erased.
    pub async fn enable(&self, id: Uuid) -> Result<(), IdentityError> {
        let updated = sqlx::query(
            "UPDATE identity.users SET disabled_at = NULL WHERE id = $1 AND erased_at IS NULL",
        )
        .bind(id)
        .execute(&self.pool)
        .await
        .map_err(database)?;
        if updated.rows_affected() == 1 { Ok(()) } else { Err(IdentityError::Unknown) }
    }

    async fn add(
        &self,
        email: &str,
        name: &str,
        password: SecretString,
    ) -> Result<Uuid, IdentityError> {
        let (email, name) = (email::check(email)?, email::check_name(name)?);
        let hash = self.passwords.hash(password).await.map_err(IdentityError::Password)?;
        let mut connection = self.pool.acquire().await.map_err(database)?;
        insert(&mut connection, email, name, &hash).await?.ok_or(IdentityError::EmailTaken)
    }

    pub(crate) async fn account(&self, id: Uuid) -> Result<Option<Account>, IdentityError> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM identity.users WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(database)
    }

    pub(crate) async fn account_by_email(
        &self,
        email: &str,
    ) -> Result<Option<Account>, IdentityError> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.users \
             WHERE lower(email) = lower($1) AND organization IS NULL"
        ))
        .bind(without_nul(email))
        .fetch_optional(&self.pool)
        .await
        .map_err(database)
    }
}

impl Account {
    pub(crate) fn hash(&self) -> Result<Option<PasswordHash>, IdentityError> {
        let hash = self.password_hash.as_deref().map(str::parse).transpose();
        hash.map_err(IdentityError::Password)
    }
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            name: account.name,
            organization: account.organization,
            has_password: account.password_hash.is_some(),
            disabled: account.disabled,
            erased: account.erased,
        }
    }
}

/// Postgres text has no NUL, so nobody is called like that: asked for in its place is what nobody is called either.
pub(crate) fn without_nul(email: &str) -> &str {
    let email = email.trim();
    if email.contains('\0') { "" } else { email }
}

/// Adds a person; `None` when the e-mail is taken.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    email: &str,
    name: &str,
    hash: &PasswordHash,
) -> Result<Option<Uuid>, IdentityError> {
    let id = Uuid::now_v7();
    let inserted = sqlx::query(
        "INSERT INTO identity.users (id, email, name, password_hash) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(email)
    .bind(name)
    .bind(hash.as_str())
    .execute(connection)
    .await
    .map_err(database)?;
    Ok((inserted.rows_affected() == 1).then_some(id))
}

/// The person, whom nobody else changes until the transaction ends. What opens or closes sessions takes this lock
/// first, so that none is opened while all are being closed.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Option<Account>, IdentityError> {
    sqlx::query_as(&format!("SELECT {COLUMNS} FROM identity.users WHERE id = $1 FOR NO KEY UPDATE"))
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(database)
}
