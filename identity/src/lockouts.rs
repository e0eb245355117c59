//! Wrong passwords, counted per e-mail, whether somebody has it or not.
//!
//! A try is counted *before* the password is looked at, in a transaction of its own, and forgotten when it was right.
//! Counting afterwards would let as many look at once as there are connections. No row is held while bcrypt works.

use ff_auth::{LockedOut, Lockout};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::database;
use crate::{IdentityError, People};

impl People {
    /// Counts a try at `now`, unless the e-mail is locked.
    pub(crate) async fn count_try(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Result<(), LockedOut>, IdentityError> {
        let policy = self.options.lockout;
        let mut transaction = self.pool.begin().await.map_err(database)?;
        // One statement makes the row or finds it, and locks it either way.
        let state: Json<serde_json::Value> = sqlx::query_scalar(
            "INSERT INTO identity.lockouts (key, state, touched_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET touched_at = excluded.touched_at RETURNING state",
        )
        .bind(key.as_slice())
        .bind(Json(Lockout::default()))
        .bind(now.to_sqlx())
        .fetch_one(&mut *transaction)
        .await
        .map_err(database)?;
        // What another version wrote and this one cannot read must not lock everybody out.
        let state = serde_json::from_value(state.0).unwrap_or_default();
        if let Err(locked) = policy.check(&state, now) {
            transaction.commit().await.map_err(database)?;
            return Ok(Err(locked));
        }
        sqlx::query("UPDATE identity.lockouts SET state = $2 WHERE key = $1")
            .bind(key.as_slice())
            .bind(Json(policy.failed(state, now)))
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
        transaction.commit().await.map_err(database)?;
        Ok(Ok(()))
    }
}

/// Forgets what is held against an e-mail.
pub(crate) async fn forgive(
    connection: &mut PgConnection,
    key: &[u8; 32],
) -> Result<(), IdentityError> {
    sqlx::query("DELETE FROM identity.lockouts WHERE key = $1")
        .bind(key.as_slice())
        .execute(connection)
        .await
        .map_err(database)?;
    Ok(())
}
