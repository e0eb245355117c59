//! Which networks a key was used from in this hour: a small table of fixed size that any number of threads look into.
//!
//! A browser's key is used from everywhere. After the table is full in an hour, that is said once, and no more networks
//! are told apart until the next one.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The most networks of a key in an hour.
const SLOTS: usize = 64;
/// How many places a network may have.
const PROBES: usize = 16;
/// The upper bits of a place are of the hour, the others of the network.
const HOUR_BITS: u32 = 16;

/// Whether a network was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In this hour.
    Before,
    /// Now for the first time in this hour.
    First,
    /// It is one too many to be told from the others, for the first time in this hour.
    TooMany,
}

#[derive(Debug)]
pub(super) struct Networks {
    slots: [AtomicU64; SLOTS],
    /// The hour in which the table was full.
    full: AtomicI64,
}

impl Default for Networks {
    fn default() -> Self {
        Self { slots: [const { AtomicU64::new(0) }; SLOTS], full: AtomicI64::new(i64::MIN) }
    }
}

impl Networks {
    pub(super) fn see(&self, hour: i64, hash: u64) -> Seen {
        // Hours come round after seven years; until then a place of another hour is free.
        let tag = hour.unsigned_abs() << (u64::BITS - HOUR_BITS);
        // Never 0, which is a place that nobody took.
        let mark = tag | (hash >> HOUR_BITS) | 1;
        let start = usize::from(hash.to_le_bytes()[0]) % SLOTS;
        for probe in 0..PROBES {
            let slot = &self.slots[(start + probe) % SLOTS];
            let mut found = slot.load(Ordering::Relaxed);
            if found != mark
                && (found == 0
                    || found >> (u64::BITS - HOUR_BITS) != tag >> (u64::BITS - HOUR_BITS))
            {
                match slot.compare_exchange(found, mark, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Seen::First,
                    Err(other) => found = other,
                }
            }
            if found == mark {
                return Seen::Before;
            }
        }
        if self.full.load(Ordering::Relaxed) != hour
            && self.full.swap(hour, Ordering::Relaxed) != hour
        {
            return Seen::TooMany;
        }
        Seen::Before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads numbers as a hash does.
    fn hash(n: u64) -> u64 {
        (n + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
    }

    #[test]
    fn many_networks_are_said_once_an_hour() {
        let networks = Networks::default();
        for hour in [500_000, 500_001] {
            let seen: Vec<_> = (0..10_000).map(|n| networks.see(hour, hash(n))).collect();
            let count = |wanted| seen.iter().filter(|seen| **seen == wanted).count();
            assert_eq!(count(Seen::TooMany), 1);
            assert_eq!(count(Seen::First), SLOTS);
        }
    }

    #[test]
    fn two_threads_see_a_network_first_once() {
        let networks = Networks::default();
        let firsts: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..20).filter(|n| networks.see(7, hash(*n)) == Seen::First).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(firsts, 20);
    }
}
