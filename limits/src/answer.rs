//! What a caller is told: what is left, or who refuses and for how long.
//!
//! The headers follow draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` lists every limit that was asked,
//! `RateLimit` the one of which least is left. `t` is the time until more than that is there.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use crate::quota::{Limit, Quota};
use crate::subject::Subject;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// It was taken, and so much is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub(crate) standings: Vec<Standing>,
}

/// Nothing was taken, because of this limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: wait {wait} s, or spread them (limit {})", by.name())]
pub struct Refused {
    pub(crate) limits: Vec<Limit>,
    pub(crate) by: Limit,
    pub(crate) wait: u64,
}

/// How a subject stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: Limit,
    pub(crate) subject: Subject,
    pub(crate) left: u32,
    pub(crate) taken: u32,
    pub(crate) from: Place,
}

/// Where it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Local,
    Shared,
}

/// What Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Result<Vec<u32>, Denied>,
    /// After what time each bucket is full again.
    pub(crate) full_in: Vec<Duration>,
}

/// Which of the limits that were asked refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) by: usize,
    pub(crate) wait: Duration,
}

impl Left {
    /// The limit of which least is left, and how much that is; `None` if none was asked.
    #[must_use]
    pub fn tightest(&self) -> Option<(&'static str, u32)> {
        self.least().map(|standing| (standing.limit.name(), standing.left))
    }

    /// This and what another take left, as one: for a request that is counted once as an address and once more when it
    /// is known whose it is.
    pub fn and(mut self, other: Self) -> Self {
        self.standings.extend(other.standings);
        self
    }

    /// What to tell the caller.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let least = self.least().map(|Standing { limit, left, .. }| {
            let more = whole_seconds(limit.quota().each());
            [
                policy(self.standings.iter().map(|standing| &standing.limit)),
                rate(limit, *left, more),
            ]
        });
        least.into_iter().flatten()
    }

    fn least(&self) -> Option<&Standing> {
        self.standings.iter().min_by_key(|standing| standing.left)
    }
}

impl Refused {
    /// The limit that refuses.
    #[must_use]
    pub fn limit(&self) -> &'static str {
        self.by.name()
    }

    /// After how many seconds to try again; at least one.
    #[must_use]
    pub fn wait(&self) -> u64 {
        self.wait
    }

    /// What to tell the caller.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let retry = (RETRY_AFTER, HeaderValue::from(self.wait));
        [policy(self.limits.iter()), rate(&self.by, 0, self.wait), retry].into_iter()
    }
}

fn policy<'a>(limits: impl Iterator<Item = &'a Limit>) -> (HeaderName, HeaderValue) {
    let mut text = String::with_capacity(64);
    for (number, limit) in limits.enumerate() {
        let Quota { requests, .. } = limit.quota();
        let window = whole_seconds(limit.quota().window());
        let comma = if number == 0 { "" } else { ", " };
        let name = limit.name();
        // A text takes whatever is written to it.
        let _ = write!(text, "{comma}\"{name}\";q={requests};w={window}");
        if let Some(unit) = limit.unit() {
            let _ = write!(text, ";qu=\"{unit}\"");
        }
    }
    (RATE_LIMIT_POLICY, value(text))
}

fn rate(limit: &Limit, left: u32, seconds: u64) -> (HeaderName, HeaderValue) {
    (RATE_LIMIT, value(format!("\"{}\";r={left};t={seconds}", limit.name())))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and names of ASCII letters")
}

/// Rounded up, and at least one.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Limit = Limit::new("user", Quota::new(2000, Duration::from_secs(4)));
    const ORG: Limit =
        Limit::new("org", Quota::new(3, Duration::from_millis(59_001))).counting("events");

    fn standing(limit: Limit, left: u32) -> Standing {
        let subject = Subject::Name([0; 32]);
        Standing { limit, subject, left, taken: 1, from: Place::Local }
    }

    fn told(headers: impl Iterator<Item = (HeaderName, HeaderValue)>) -> Vec<String> {
        headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn the_tightest_limit_is_told_and_every_policy() {
        let left = Left { standings: vec![standing(USER, 12)] }
            .and(Left { standings: vec![standing(ORG, 2)] });
        assert_eq!(left.tightest(), Some(("org", 2)));
        assert_eq!(
            told(left.headers()),
            [
                "ratelimit-policy: \"user\";q=2000;w=4, \"org\";q=3;w=60;qu=\"events\"",
                "ratelimit: \"org\";r=2;t=20"
            ]
        );
        assert_eq!(told(Left { standings: Vec::new() }.headers()), [""; 0]);
    }

    #[test]
    fn a_refusal_names_the_limit_and_the_wait() {
        let refused = Refused { limits: vec![USER, ORG], by: USER, wait: 1 };
        assert_eq!(
            told(refused.headers()),
            [
                "ratelimit-policy: \"user\";q=2000;w=4, \"org\";q=3;w=60;qu=\"events\"",
                "ratelimit: \"user\";r=0;t=1",
                "retry-after: 1"
            ]
        );
        let text = refused.to_string();
        assert_eq!(text, "too many requests: wait 1 s, or spread them (limit user)");
    }

    #[test]
    fn a_wait_is_rounded_up_to_a_second() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1001)), 2);
    }
}
