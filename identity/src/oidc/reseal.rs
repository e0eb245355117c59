//! Replacing the key that seals: what the previous one has sealed is sealed anew.
//!
//! Each secret is its own transaction that holds the connection, so that somebody who enters another secret at that
//! moment comes before or after. The version of the connection stays: nothing that anybody sees has changed, and
//! logins under way go on. What seals a login under way is not touched, since it is gone after ten minutes.

use uuid::Uuid;

use super::{
    SingleSignOn,
    connections::{ConnectionError, find_locked, secret_owner},
};

/// What became of the secrets of all connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many were sealed with the previous key, and are with the key of now.
    pub anew: u64,
    /// How many were sealed with the key of now before.
    pub already: u64,
    /// The connections whose secret neither key opens: it has to be entered again.
    pub lost: Vec<Uuid>,
}

impl SingleSignOn {
    /// Seals the secrets of all connections with the key of now. Doing it again, or in two places at once, is harmless.
    /// Afterwards the previous key is needed for logins under way alone, as long as no process seals with it any more.
    ///
    /// # Errors
    /// [`ConnectionError::Unavailable`] without PostgreSQL; what was sealed anew by then stays.
    pub async fn reseal(&self) -> Result<Resealed, ConnectionError> {
        let all: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM identity.connections ORDER BY id")
            .fetch_all(&self.pool)
            .await?;
        let mut resealed = Resealed::default();
        for id in all {
            let mut transaction = self.pool.begin().await?;
            // Deleted meanwhile.
            let Some((connection, sealed)) = find_locked(&mut *transaction, id).await? else {
                continue;
            };
            let owner = secret_owner(id, &connection.issuer, &connection.client_id);
            match self.sealer.renew(&sealed, &owner) {
                Ok(Some(renewed)) => {
                    sqlx::query("UPDATE identity.connections SET client_secret = $2 WHERE id = $1")
                        .bind(id)
                        .bind(renewed)
                        .execute(&mut *transaction)
                        .await?;
                    transaction.commit().await?;
                    resealed.anew += 1;
                }
                Ok(None) => resealed.already += 1,
                Err(_) => resealed.lost.push(id),
            }
        }
        Ok(resealed)
    }
}
