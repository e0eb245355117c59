//! Rows that nobody will ask for again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::error::database;
use crate::{IdentityError, People};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How long an invitation that nobody accepted can be seen after its time.
const SEEN_AFTERWARDS: SignedDuration = SignedDuration::from_hours(30 * 24);

impl People {
    /// Deletes what has had its time, and says how many rows it was: refresh tokens and sessions that expired, wrong
    /// passwords of the day before, resets, revocations, logins at a provider that nobody came back from, and
    /// invitations that were accepted a day or expired a month ago. Several may do so at once.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, IdentityError> {
        let policy = self.options.lockout;
        let mut swept = 0;
        for (statement, age) in [
            ("DELETE FROM identity.refresh_tokens WHERE expires_at < $1", SignedDuration::ZERO),
            // As long as a token of it is known, a session is: a used one must close it.
            (
                "DELETE FROM identity.sessions s WHERE s.expires_at < $1 AND NOT EXISTS \
                 (SELECT FROM identity.refresh_tokens t WHERE t.session_id = s.id)",
                SignedDuration::ZERO,
            ),
            (
                "DELETE FROM identity.lockouts WHERE touched_at < $1",
                DAY.max(policy.window).max(policy.longest),
            ),
            ("DELETE FROM identity.resets WHERE expires_at < $1", SignedDuration::ZERO),
            ("DELETE FROM identity.sign_ins WHERE expires_at < $1", SignedDuration::ZERO),
            ("DELETE FROM identity.revocations WHERE at < $1", HOUR),
            ("DELETE FROM identity.invitations WHERE accepted_at < $1", DAY),
            (
                "DELETE FROM identity.invitations WHERE accepted_at IS NULL AND expires_at < $1",
                SEEN_AFTERWARDS,
            ),
        ] {
            let before = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
            let deleted = sqlx::query(statement).bind(before.to_sqlx()).execute(&self.pool).await;
            swept += deleted.map_err(database)?.rows_affected();
        }
        Ok(swept)
    }
}

/// Sweeps every hour until `shutdown`. Without Postgres it is left for the next time.
pub async fn sweep_hourly(people: People, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match people.sweep(Timestamp::now()).await {
            Ok(rows) => {
                tracing::debug!(rows, "expired sessions, invitations and resets were deleted");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "expired sessions, invitations and resets were not deleted");
            }
        }
    }
}
