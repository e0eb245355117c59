//! Access tokens that die before their time.
//!
//! An access token is good for 15 minutes, and nobody asks PostgreSQL about it. What was closed is therefore written
//! down as a [`Revocation`], and each service that takes access tokens keeps those of the last 20 minutes in memory
//! ([`Revocations`]), looking for new ones every second ([`follow`]). Without PostgreSQL the last known ones go on.
//!
//! One of a session is about that session for good. One of a person is about the tokens issued before it, to the
//! second: it is what a token says of its own time. Somebody who signs in again at once on a replica whose clock is
//! behind by seconds may get a token that is refused; refreshing gets another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::database;
use crate::{IdentityError, People};

/// How far back [`follow`] looks: longer than an access token lives, and clocks differ.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(20);

const EVERY: Duration = Duration::from_secs(1);

/// What happened to access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Whose tokens.
    pub user: Uuid,
    /// Those of this session; `None`: all of the person.
    pub session: Option<Uuid>,
    /// When.
    pub at: Timestamp,
}

/// The revocations a service knows of; cheap to clone, and the clones share them.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    known: Arc<ArcSwap<Known>>,
    loaded: Arc<AtomicBool>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    sessions: HashMap<Uuid, Timestamp>,
    people: HashMap<Uuid, Timestamp>,
}

impl Revocations {
    /// Remembers these too. A service that closes a session itself need not wait for [`follow`].
    pub fn apply(&self, news: &[Revocation]) {
        if !news.iter().all(|revocation| self.known.load().has(revocation)) {
            self.known.rcu(|known| {
                let mut known = Known::clone(known);
                for revocation in news {
                    known.add(revocation);
                }
                known
            });
        }
    }

    /// Forgets those before this time.
    pub fn forget(&self, before: Timestamp) {
        if self.known.load().has_any(before) {
            self.known.rcu(|known| {
                let mut known = Known::clone(known);
                known.sessions.retain(|_, at| *at >= before);
                known.people.retain(|_, at| *at >= before);
                known
            });
        }
    }

    /// Whether an access token of this person and session, issued then, is dead.
    #[must_use]
    pub fn is_revoked(&self, user: Uuid, session: Option<Uuid>, issued_at: Timestamp) -> bool {
        let known = self.known.load();
        if session.is_some_and(|session| known.sessions.contains_key(&session)) {
            return true;
        }
        known.people.get(&user).is_some_and(|at| match session {
            // A session that was opened later in the same second lives; one from before it is in the other map.
            Some(_) => issued_at.as_second() < at.as_second(),
            None => issued_at.as_second() <= at.as_second(),
        })
    }

    /// Whether [`follow`] has read them once. Until then tokens that were revoked before this process began are taken.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }
}

impl Known {
    fn has(&self, revocation: &Revocation) -> bool {
        let known = match revocation.session {
            Some(session) => self.sessions.get(&session),
            None => self.people.get(&revocation.user),
        };
        known.is_some_and(|at| *at >= revocation.at)
    }

    fn add(&mut self, revocation: &Revocation) {
        let at = match revocation.session {
            Some(session) => self.sessions.entry(session),
            None => self.people.entry(revocation.user),
        };
        let at = at.or_insert(revocation.at);
        *at = revocation.at.max(*at);
    }

    fn has_any(&self, before: Timestamp) -> bool {
        self.sessions.values().chain(self.people.values()).any(|at| *at < before)
    }
}

impl People {
    /// What was revoked since then.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn revocations(&self, since: Timestamp) -> Result<Vec<Revocation>, IdentityError> {
        let rows: Vec<(Uuid, Option<Uuid>, jiff_sqlx::Timestamp)> = sqlx::query_as(
            "SELECT user_id, session_id, at FROM identity.revocations WHERE at >= $1 ORDER BY at",
        )
        .bind(since.to_sqlx())
        .fetch_all(&self.pool)
        .await
        .map_err(database)?;
        let revocation = |(user, session, at): (_, _, jiff_sqlx::Timestamp)| Revocation {
            user,
            session,
            at: at.to_jiff(),
        };
        Ok(rows.into_iter().map(revocation).collect())
    }
}

/// Keeps `set` up to date until `shutdown`, looking every second. It always reads the whole [`WINDOW`]: what was written
/// by a transaction that took long is older than when it can be seen. An outage is one warning, however long.
pub async fn follow(people: People, set: Revocations, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = false;
    loop {
        let read = async {
            ticks.tick().await;
            let since = Timestamp::now().saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
            (people.revocations(since).await, since)
        };
        let (read, since) = tokio::select! {
            () = shutdown.cancelled() => return,
            read = read => read,
        };
        match read {
            Ok(news) => {
                set.apply(&news);
                set.forget(since);
                set.loaded.store(true, Ordering::Release);
                if out {
                    tracing::info!("revoked sessions are known again");
                }
                out = false;
            }
            Err(error) if !out => {
                out = true;
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    "sessions closed from now on stay open here until Postgres is back"
                );
            }
            Err(_) => tracing::debug!("revoked sessions are still not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Uuid = Uuid::from_u128(1);
    const BOB: Uuid = Uuid::from_u128(2);
    const ONE: Uuid = Uuid::from_u128(11);
    const OTHER: Uuid = Uuid::from_u128(12);

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + milliseconds).unwrap()
    }

    fn all(user: Uuid, milliseconds: i64) -> Revocation {
        Revocation { user, session: None, at: at(milliseconds) }
    }

    fn one(user: Uuid, session: Uuid, milliseconds: i64) -> Revocation {
        Revocation { user, session: Some(session), at: at(milliseconds) }
    }

    #[test]
    fn a_session_is_dead_for_good_and_no_other() {
        let set = Revocations::default();
        set.apply(&[one(ADA, ONE, 5_000)]);
        for issued in [0, 5_000, 90_000] {
            assert!(set.is_revoked(ADA, Some(ONE), at(issued)));
            assert!(!set.is_revoked(ADA, Some(OTHER), at(issued)));
            assert!(!set.is_revoked(ADA, None, at(issued)));
        }
    }

    #[test]
    fn all_of_a_person_is_what_was_issued_before() {
        let set = Revocations::default();
        set.apply(&[all(ADA, 5_700)]);
        for (issued, with_session, without) in
            [(0, true, true), (4_999, true, true), (5_000, false, true), (6_000, false, false)]
        {
            assert_eq!(set.is_revoked(ADA, Some(ONE), at(issued)), with_session, "{issued}");
            assert_eq!(set.is_revoked(ADA, None, at(issued)), without, "{issued}");
            assert!(!set.is_revoked(BOB, None, at(issued)));
        }
    }

    #[test]
    fn an_older_one_read_later_takes_nothing_back() {
        let set = Revocations::default();
        set.apply(&[all(ADA, 9_000)]);
        set.apply(&[all(ADA, 2_000), one(BOB, ONE, 1)]);
        assert!(set.is_revoked(ADA, None, at(8_000)));
        assert!(set.is_revoked(BOB, Some(ONE), at(8_000)));
    }

    #[test]
    fn what_is_old_is_forgotten_and_the_rest_is_not() {
        let set = Revocations::default();
        set.apply(&[one(ADA, ONE, 0), one(ADA, OTHER, 10), all(BOB, 0)]);
        set.clone().forget(at(10));
        assert!(!set.is_revoked(ADA, Some(ONE), at(0)));
        assert!(set.is_revoked(ADA, Some(OTHER), at(0)));
        assert!(!set.is_revoked(BOB, None, at(0)));
    }

    #[test]
    fn what_is_known_makes_no_new_copy() {
        let set = Revocations::default();
        set.apply(&[one(ADA, ONE, 5)]);
        let before = set.known.load_full();
        set.apply(&[one(ADA, ONE, 5)]);
        set.forget(at(0));
        assert!(Arc::ptr_eq(&before, &set.known.load_full()));
    }
}
