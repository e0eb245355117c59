//! How many events a key, and an organization, may send.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::EventQuota;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Counts the events of one sender.
#[derive(Debug)]
pub(crate) struct Limiter {
    name: &'static str,
    quota: EventQuota,
    limiter: RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>,
}

/// What is left, to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    name: &'static str,
    quota: EventQuota,
    events: u32,
    /// Seconds until more can be sent; 0 if more can be sent now.
    pub(crate) wait: u64,
}

impl Limiter {
    /// A whole request of `most` events passes at least.
    pub(crate) fn new(name: &'static str, quota: EventQuota, most: usize) -> Self {
        let most = u32::try_from(most).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let quota = EventQuota { burst: quota.burst.max(most), ..quota };
        let limit = Quota::per_second(quota.per_second).allow_burst(quota.burst);
        Self { name, quota, limiter: RateLimiter::direct(limit).with_middleware() }
    }

    /// Counts these events.
    ///
    /// # Errors
    /// How long to wait, if they are too many; then none is counted.
    pub(crate) fn take(&self, events: NonZeroU32) -> Result<Left, Left> {
        let left = |events, wait| Left { name: self.name, quota: self.quota, events, wait };
        match self.limiter.check_n(events) {
            Ok(Ok(state)) => Ok(left(state.remaining_burst_capacity(), 0)),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                Err(left(0, whole_seconds(wait)))
            }
            // More than fit into a burst: they never pass, whatever is waited.
            Err(_) => Err(left(0, whole_seconds(self.refill()))),
        }
    }

    fn refill(&self) -> Duration {
        Duration::from_secs(u64::from(self.quota.burst.get() / self.quota.per_second))
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl Left {
    /// The one of which less is left.
    pub(crate) fn tighter(self, other: Self) -> Self {
        if other.events < self.events { other } else { self }
    }

    /// Tells the sender.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        let Self { name, quota, events, wait } = self;
        let value = |text: String| HeaderValue::try_from(text).expect("digits and ASCII names");
        let policy = format!("\"{name}\";q={};w=1;qu=\"events\"", quota.per_second);
        headers.insert(RATE_LIMIT_POLICY, value(policy));
        headers.insert(RATE_LIMIT, value(format!("\"{name}\";r={events};t={}", wait.max(1))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_there_is_a_wait() {
        let limiter = Limiter::new("key", EventQuota::new(1, 100), 10);
        assert_eq!(limiter.take(events(60)).unwrap().events, 40);
        let refused = limiter.take(events(60)).unwrap_err();
        // 20 are missing, one comes back in a second.
        assert!((19..=20).contains(&refused.wait), "{refused:?}");
        assert_eq!(limiter.take(events(40)).unwrap().wait, 0);
        assert_eq!(limiter.take(events(200)).unwrap_err().wait, 100);
    }

    #[test]
    fn a_whole_request_always_fits_into_a_burst() {
        let limiter = Limiter::new("key", EventQuota::new(1, 1), 50);
        assert_eq!(limiter.take(events(50)).unwrap().events, 0);
    }
}
