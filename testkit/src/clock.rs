//! A clock that stands still until a test moves it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A clock to be set. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, time: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Moves it on, and returns the time it shows then.
    ///
    /// # Panics
    /// When the result lies outside the years that a timestamp can hold.
    pub fn advance(&self, by: SignedDuration) -> Timestamp {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = time.checked_add(by).expect("tests stay within the years of a timestamp");
        *time
    }
}

impl Default for TestClock {
    /// Noon of the first of January 2026, UTC.
    fn default() -> Self {
        Self::at(Timestamp::from_second(1_767_268_800).expect("a second of the year 2026"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_time() {
        let clock = TestClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-01T12:00:00Z");
        let other = clock.clone();
        other.advance(SignedDuration::from_hours(1));
        assert_eq!(clock.now().to_string(), "2026-01-01T13:00:00Z");
    }
}
