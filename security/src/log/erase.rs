//! Erasing a person: their addresses go, and what happened stays.

use uuid::Uuid;

use super::{Log, LogError};
use crate::writer::LOCK;

impl Log {
    /// Removes the addresses of a person, and of the keys that are theirs alone, from every row there is and from every
    /// one that is still on its way. Answers how many rows were changed. Again is harmless.
    ///
    /// An address belongs to who acted, or to who stood at the door: the address of an administrator who did something
    /// to the person is not theirs.
    ///
    /// # Errors
    /// When the database does not answer; nothing was erased then.
    pub async fn erase(&self, person: Uuid, keys: &[Uuid]) -> Result<u64, LogError> {
        let holders: Vec<Uuid> = keys.iter().copied().chain([person]).collect();
        let erase = async {
            let mut transaction = self.pool.begin().await?;
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
            lock.execute(&mut *transaction).await?;
            sqlx::query(
                "INSERT INTO security.erased (holder) SELECT DISTINCT UNNEST($1::uuid[]) ON CONFLICT DO NOTHING",
            )
            .bind(&holders)
            .execute(&mut *transaction)
            .await?;
            let changed = sqlx::query(
                "UPDATE security.log SET address = NULL WHERE holder = ANY ($1) AND address IS NOT NULL",
            )
            .bind(&holders)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            transaction.commit().await?;
            Ok(changed)
        };
        erase.await.map_err(LogError::sql("erase addresses"))
    }
}
