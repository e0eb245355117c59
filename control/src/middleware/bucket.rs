//! A rate limit per caller: a token bucket each, kept for as long as it matters.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use moka::sync::Cache;

use crate::problem::{Problem, code};

/// So many requests in so much time: a burst of all of them at once, and then as they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many requests.
    pub requests: NonZeroU32,
    /// In how much time.
    pub window: Duration,
}

/// The buckets of many callers.
pub(crate) struct Limiter<K> {
    quota: Quota,
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What is left to a caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucketed {
    quota: Quota,
    left: u32,
    full_in: u64,
}

/// Callers remembered at once; whoever is forgotten starts with a full bucket.
const CALLERS: u64 = 100_000;

impl<K: std::hash::Hash + Eq + Send + Sync + 'static> Limiter<K> {
    pub(crate) fn new(quota: Quota) -> Self {
        let buckets =
            Cache::builder().max_capacity(CALLERS).time_to_idle(quota.window.max(MINUTE)).build();
        Self { quota, buckets }
    }

    /// Takes one request from a caller's bucket, or says when there will be one.
    pub(crate) fn take(&self, caller: K, now: Instant) -> Result<Bucketed, Problem> {
        let most = f64::from(self.quota.requests.get());
        let per_second = most / self.quota.window.as_secs_f64().max(0.001);
        let bucket = self
            .buckets
            .get_with(caller, || Arc::new(Mutex::new(Bucket { tokens: most, at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * per_second).min(most);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait = whole((1.0 - bucket.tokens) / per_second).max(1);
            return Err(self.refuse(wait));
        }
        bucket.tokens -= 1.0;
        let full_in = whole((most - bucket.tokens) / per_second);
        let left = u32::try_from(whole(bucket.tokens.floor())).unwrap_or(u32::MAX);
        Ok(Bucketed { quota: self.quota, left, full_in })
    }

    /// Gives a request back that should not have counted.
    pub(crate) fn give_back(&self, caller: &K) {
        if let Some(bucket) = self.buckets.get(caller) {
            bucket.lock().unwrap_or_else(PoisonError::into_inner).tokens += 1.0;
        }
    }

    fn refuse(&self, wait: u64) -> Problem {
        let detail = format!("too many requests: wait {wait} s, or spread them");
        let empty = Bucketed { quota: self.quota, left: 0, full_in: wait };
        let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, detail)
            .retry_after(wait);
        for (name, value) in empty.headers() {
            problem = problem.with_header(name, value);
        }
        problem
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded up, and a float saturates when it becomes an integer"
)]
fn whole(number: f64) -> u64 {
    number.ceil() as u64
}

impl Bucketed {
    fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        let Self { quota: Quota { requests, window }, left, full_in } = self;
        let window = window.as_secs().max(1);
        let value = |text: String| HeaderValue::try_from(text).expect("digits and ASCII names");
        [
            (
                HeaderName::from_static("ratelimit-policy"),
                value(format!("\"default\";q={requests};w={window}")),
            ),
            (
                HeaderName::from_static("ratelimit"),
                value(format!("\"default\";r={left};t={full_in}")),
            ),
        ]
    }

    /// Tells the caller what is left.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        headers.extend(self.headers());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_as_many_as_come_back() {
        let quota = Quota { requests: NonZeroU32::new(3).unwrap(), window: Duration::from_secs(6) };
        let limiter = Limiter::new(quota);
        let start = Instant::now();
        let take = |who: &'static str, at| {
            limiter.take(who, start + Duration::from_secs(at)).map(|b| b.left).map_err(|p| {
                assert_eq!(p.status(), StatusCode::TOO_MANY_REQUESTS);
            })
        };
        assert_eq!([take("a", 0), take("a", 0), take("a", 0)], [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(take("a", 1), Err(()));
        assert_eq!(take("b", 1), Ok(2));
        assert_eq!(take("a", 2), Ok(0));
        assert_eq!(take("a", 3), Err(()));
        limiter.give_back(&"a");
        assert_eq!(take("a", 3), Ok(0));
        assert_eq!(take("a", 60), Ok(2));
    }
}
