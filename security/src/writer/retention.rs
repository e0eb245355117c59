//! What is too old goes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgPool;
use tokio::time::sleep;

use crate::patience::Patience;

const EVERY: Duration = Duration::from_secs(60 * 60);
/// Rows in a transaction: a long one would hold up the cleaning of the whole database.
const ROWS: i64 = 5_000;
/// How long a message of uses, or somebody's erasure, is remembered: longer than a message can be on its way.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(60 * 24);

const LOG: &str = "\
DELETE FROM security.log WHERE id IN (SELECT id FROM security.log WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";

#[derive(Debug)]
pub(super) struct Retention {
    pool: PgPool,
    keep: SignedDuration,
}

impl Retention {
    pub(super) fn new(pool: PgPool, keep: SignedDuration) -> Self {
        Self { pool, keep }
    }

    /// Removes what is too old, again and again.
    pub(super) async fn keep(&self) {
        let mut patience = Patience::new("removing old rows of the security log");
        loop {
            match self.remove(Timestamp::now()).await {
                Ok(0) => {
                    patience.works();
                    sleep(EVERY).await;
                }
                Ok(rows) => tracing::info!(rows, "old rows of the security log are removed"),
                Err(error) => patience.wait(&error).await,
            }
        }
    }

    /// Removes a part of what is too old. Answers how many rows of the log it was.
    async fn remove(&self, now: Timestamp) -> Result<u64, sqlx::Error> {
        let before = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN).to_sqlx();
        let mut transaction = self.pool.begin().await?;
        // The table lets nobody else remove a row.
        let permit = sqlx::query("SELECT set_config('security.removing', 'retention', true)");
        permit.execute(&mut *transaction).await?;
        let removed = sqlx::query(LOG)
            .bind(before(self.keep))
            .bind(ROWS)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        for (statement, age) in [
            ("DELETE FROM security.key_use WHERE last_used < $1", self.keep),
            ("DELETE FROM security.counted WHERE at < $1", REMEMBERED),
            ("DELETE FROM security.erased WHERE at < $1", REMEMBERED),
        ] {
            sqlx::query(statement).bind(before(age)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }
}
