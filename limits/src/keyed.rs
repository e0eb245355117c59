//! One limit on this replica alone.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

use crate::quota::Limit;
use crate::store::{Ask, Store};
use crate::subject::Subject;

/// The buckets of a limit's subjects.
#[derive(Debug)]
pub(crate) struct Keyed<C: Clock> {
    limit: Limit,
    each: Nanos,
    clock: C,
    start: C::Instant,
    store: Store,
    limiter: RateLimiter<Ask, Store, C, StateInformationMiddleware>,
}

impl<C: Clock + Clone> Keyed<C> {
    pub(crate) fn new(limit: Limit, clock: C) -> Self {
        let quota = limit.quota();
        let store = Store::new(quota.window().into());
        let rate = Quota::with_period(quota.each())
            .expect("a request comes back in a nanosecond at least")
            .allow_burst(quota.requests);
        // Nearly the one that the limiter notes for itself.
        let start = clock.now();
        let limiter = RateLimiter::new(rate, store.clone(), clock.clone());
        Self { limit, each: quota.each().into(), clock, start, store, limiter }
    }

    pub(crate) fn limit(&self) -> &Limit {
        &self.limit
    }

    /// What would be left, or how long to wait.
    pub(crate) fn look(&self, subject: Subject, cost: NonZeroU32) -> Result<u32, Duration> {
        self.ask(&Ask { subject: subject.settled(), taking: false }, cost)
    }

    /// What is left, or how long to wait.
    pub(crate) fn take(&self, subject: Subject, cost: NonZeroU32) -> Result<u32, Duration> {
        let subject = subject.settled();
        self.store.make_room_for(&subject, || self.limiter.retain_recent());
        self.ask(&Ask { subject, taking: true }, cost)
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, subject: Subject, cost: u32) {
        let weight = self.each.as_u64().saturating_mul(cost.into());
        self.store.give_back(&subject.settled(), Nanos::new(weight));
    }

    /// Takes over how long it takes until a bucket is full.
    pub(crate) fn follow(&self, subject: Subject, full_in: Duration) {
        let subject = subject.settled();
        self.store.make_room_for(&subject, || self.limiter.retain_recent());
        let now = self.clock.now().duration_since(self.start);
        let window = self.limit.quota().window();
        self.store.set(&subject, now + Nanos::from(full_in.min(window)));
    }

    fn ask(&self, ask: &Ask, cost: NonZeroU32) -> Result<u32, Duration> {
        match self.limiter.check_key_n(ask, cost) {
            Ok(Ok(state)) => Ok(state.remaining_burst_capacity()),
            Ok(Err(until)) => Err(until.wait_time_from(self.clock.now())),
            // More than a whole quota: it never passes, whatever is waited.
            Err(_) => Err(self.limit.quota().window()),
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use uuid::Uuid;

    use super::*;

    fn users(requests: u32) -> (Keyed<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let quota = crate::Quota::new(requests, Duration::from_secs(1000));
        (Keyed::new(Limit::new("user", quota), clock.clone()), clock)
    }

    fn user(number: u32) -> Subject {
        Subject::User(Uuid::from_u128(number.into()))
    }

    fn take(keyed: &Keyed<FakeRelativeClock>, number: u32, cost: u32) -> Result<u32, Duration> {
        keyed.take(user(number), NonZeroU32::new(cost).unwrap())
    }

    #[test]
    fn a_flood_of_subjects_is_bounded_and_does_not_free_who_is_used_up() {
        let (keyed, _) = users(10);
        take(&keyed, 0, 10).unwrap();
        for number in 1..250_000 {
            take(&keyed, number, 1).unwrap();
            if number % 1000 == 0 {
                assert!(
                    governor::state::keyed::ShrinkableKeyedStateStore::len(&keyed.store) <= 100_000
                );
            }
        }
        assert_eq!(take(&keyed, 0, 1), Err(Duration::from_secs(100)));
    }

    #[test]
    fn who_has_a_whole_quota_again_is_forgotten() {
        let (keyed, clock) = users(10);
        for round in 0..5 {
            for number in 0..1000 {
                take(&keyed, round * 1000 + number, 1).unwrap();
            }
            clock.advance(Duration::from_secs(101));
        }
        // Swept when the second thousand began to be more than a few, and later on.
        assert!(governor::state::keyed::ShrinkableKeyedStateStore::len(&keyed.store) <= 2048);
    }

    #[test]
    fn to_look_remembers_nobody() {
        let (keyed, _) = users(10);
        assert_eq!(keyed.look(user(1), NonZeroU32::new(4).unwrap()), Ok(6));
        assert!(governor::state::keyed::ShrinkableKeyedStateStore::is_empty(&keyed.store));
        assert_eq!(take(&keyed, 1, 10), Ok(0));
    }
}
