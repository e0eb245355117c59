//! How long to wait before a process is started again.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// A process that ran this long was well: what ends it then is a new failure.
const WELL: Duration = Duration::from_secs(60);

/// A pause that doubles from a tenth of a second to ten.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: SHORTEST }
    }
}

impl Backoff {
    /// Takes note of how long the process ran.
    pub(super) fn lived(&mut self, time: Duration) {
        if time >= WELL {
            self.next = SHORTEST;
        }
    }

    /// The pause before the next start.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_its_limit_and_a_long_life_resets_it() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..9)
            .map(|_| {
                backoff.lived(Duration::from_secs(1));
                backoff.pause().as_millis()
            })
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        backoff.lived(WELL);
        assert_eq!(backoff.pause(), SHORTEST);
    }
}
