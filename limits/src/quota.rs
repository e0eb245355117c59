//! A quota, and the limit that is named after what it is for.

use std::num::NonZeroU32;
use std::time::Duration;

/// So many requests in so much time: all of them at once, and then evenly as they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    /// How many.
    pub requests: NonZeroU32,
    /// In how much time; from a millisecond to a year, what lies outside is taken as the nearest of them.
    pub window: Duration,
}

/// A quota that each of many subjects has, with the name by which callers, logs and metrics know it.
///
/// Limits are few and fixed: what is counted for one is kept as long as the process runs. Two of the same name and
/// another quota count apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    name: &'static str,
    quota: Quota,
    unit: Option<&'static str>,
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Quota {
    /// This many requests in this time. 0 is taken as 1.
    #[must_use]
    pub const fn new(requests: u32, window: Duration) -> Self {
        let requests = match NonZeroU32::new(requests) {
            Some(requests) => requests,
            None => NonZeroU32::MIN,
        };
        Self { requests, window }
    }

    pub(crate) fn window(self) -> Duration {
        self.window.clamp(SHORTEST, LONGEST)
    }

    /// The time in which one request comes back.
    pub(crate) fn each(self) -> Duration {
        (self.window() / self.requests.get()).max(Duration::from_nanos(1))
    }
}

impl Limit {
    /// A limit with a name.
    ///
    /// # Panics
    /// When the name is not made of lower-case letters and `-`: it stands in headers, in metrics and in Redis.
    #[must_use]
    pub const fn new(name: &'static str, quota: Quota) -> Self {
        assert!(is_name(name), "the name of a limit is made of lower-case letters and -");
        Self { name, quota, unit: None }
    }

    /// The same, of something else than requests, and it is told so.
    ///
    /// # Panics
    /// When the unit is not made of lower-case letters and `-`.
    #[must_use]
    pub const fn counting(self, unit: &'static str) -> Self {
        assert!(is_name(unit), "the unit of a limit is made of lower-case letters and -");
        Self { unit: Some(unit), ..self }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What each subject has.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    pub(crate) const fn unit(&self) -> Option<&'static str> {
        self.unit
    }
}

const fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_lowercase() || bytes[at] == b'-') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "lower-case letters")]
    fn a_name_that_would_have_to_be_quoted_is_none() {
        let _ = Limit::new("a\"b", Quota::new(1, Duration::from_secs(1)));
    }

    #[test]
    fn windows_are_kept_within_bounds() {
        assert_eq!(Quota::new(0, Duration::ZERO).each(), SHORTEST);
        assert_eq!(Quota::new(1, Duration::MAX).each(), LONGEST);
        assert_eq!(Quota::new(u32::MAX, Duration::ZERO).each(), Duration::from_nanos(1));
    }
}
