//! Locking an account out for a while after too many wrong passwords.
//!
//! Ten failures within fifteen minutes lock it for fifteen minutes, the next ten for thirty, and from
//! then on for an hour each; the right password makes all of it forgotten. What is counted is a
//! [`Lockout`], kept by whoever stores accounts; what follows from it is a [`LockoutPolicy`]'s to say.
//! Neither knows a clock.
//!
//! It must not tell who has an account: keep a [`Lockout`] for every name somebody tries, or answer
//! for unknown ones as for known ones in another way.

use std::num::NonZeroU8;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many failures lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// How many failures within [`window`](Self::window) lock.
    pub failures: NonZeroU8,
    /// How long a failure counts.
    pub window: SignedDuration,
    /// How long the first lock lasts; each further one twice as long as the one before.
    pub first: SignedDuration,
    /// How long a lock lasts at most.
    pub longest: SignedDuration,
}

/// What is remembered about an account. By default nothing is held against it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    /// When the password was wrong, as far as it still counts; never as many as would lock.
    failures: Vec<Timestamp>,
    /// How many locks there were since the last right password.
    locks: u32,
    /// When the last of them ends.
    until: Option<Timestamp>,
}

/// The account is locked. Whether the password would be right must not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords: try again after {until}, or reset the password")]
pub struct LockedOut {
    /// When it will not be any more.
    pub until: Timestamp,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self {
            failures: const { NonZeroU8::new(10).expect("ten is not zero") },
            window: SignedDuration::from_mins(15),
            first: SignedDuration::from_mins(15),
            longest: SignedDuration::from_hours(1),
        }
    }
}

impl LockoutPolicy {
    /// Whether a password may be tried at `now`: asked before it is looked at.
    ///
    /// # Errors
    /// [`LockedOut`] while a lock lasts.
    pub fn check(&self, state: &Lockout, now: Timestamp) -> Result<(), LockedOut> {
        match state.until {
            Some(until) if now < until => Err(LockedOut { until }),
            _ => Ok(()),
        }
    }

    /// What is to be stored after a wrong password at `now`.
    ///
    /// A failure while a lock lasts is of somebody who began before it, and changes nothing: otherwise
    /// those who guess could keep the owner out for ever.
    #[must_use]
    pub fn failed(&self, mut state: Lockout, now: Timestamp) -> Lockout {
        if self.check(&state, now).is_err() {
            return state;
        }
        state.failures.retain(|&at| now.duration_since(at) < self.window);
        state.failures.push(now);
        if state.failures.len() >= usize::from(self.failures.get()) {
            let lasts = self.lasts(state.locks);
            state.failures.clear();
            state.locks = state.locks.saturating_add(1);
            state.until = Some(now.saturating_add(lasts).unwrap_or(Timestamp::MAX));
        }
        state
    }

    /// What is to be stored after the right password, or a new one.
    #[must_use]
    pub fn succeeded(&self) -> Lockout {
        Lockout::default()
    }

    /// How long the lock after this many others lasts.
    fn lasts(&self, locks: u32) -> SignedDuration {
        let doubled = 2_i32.checked_pow(locks).and_then(|times| self.first.checked_mul(times));
        doubled.map_or(self.longest, |lasts| lasts.min(self.longest))
    }
}

#[cfg(test)]
mod tests;
