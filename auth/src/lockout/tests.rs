//! The times at which an account locks and opens again.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const POLICY: fn() -> LockoutPolicy = LockoutPolicy::default;

fn at(minutes: i64) -> Timestamp {
    after(minutes * 60)
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// That many wrong passwords at one moment.
fn fail(mut state: Lockout, times: usize, now: Timestamp) -> Lockout {
    for _ in 0..times {
        state = POLICY().failed(state, now);
    }
    state
}

#[test]
fn the_tenth_failure_locks_for_a_quarter_of_an_hour() {
    let nine = fail(Lockout::default(), 9, at(0));
    assert_eq!(POLICY().check(&nine, at(0)), Ok(()));

    let ten = fail(nine, 1, at(14));
    assert_eq!(POLICY().check(&ten, at(14)), Err(LockedOut { until: at(29) }));
    assert_eq!(POLICY().check(&ten, after(29 * 60 - 1)), Err(LockedOut { until: at(29) }));
    assert_eq!(POLICY().check(&ten, at(29)), Ok(()));
}

#[test]
fn a_failure_counts_for_a_quarter_of_an_hour() {
    let nine = fail(Lockout::default(), 9, at(0));
    assert_eq!(POLICY().check(&fail(nine.clone(), 9, at(15)), at(15)), Ok(()));
    assert!(POLICY().check(&fail(nine, 1, after(15 * 60 - 1)), at(15)).is_err());
}

#[test]
fn each_lock_is_longer_up_to_an_hour() {
    let (mut state, mut now) = (Lockout::default(), at(0));
    for minutes in [15, 30, 60, 60, 60] {
        state = fail(state, 10, now);
        let until = now + SignedDuration::from_mins(minutes);
        assert_eq!(POLICY().check(&state, now), Err(LockedOut { until }));
        now = until;
    }
}

#[test]
fn the_right_password_makes_all_of_it_forgotten() {
    let twice = fail(fail(Lockout::default(), 10, at(0)), 10, at(15));
    assert_eq!(POLICY().check(&twice, at(15)), Err(LockedOut { until: at(45) }));
    let again = fail(POLICY().succeeded(), 10, at(45));
    assert_eq!(POLICY().check(&again, at(45)), Err(LockedOut { until: at(60) }));
}

#[test]
fn failures_of_the_same_moment_do_not_make_a_lock_longer() {
    let locked = fail(Lockout::default(), 10, at(0));
    assert_eq!(fail(locked.clone(), 50, at(5)), locked);
}

#[test]
fn what_is_stored_reads_back() {
    for state in [Lockout::default(), fail(fail(Lockout::default(), 10, at(0)), 3, at(20))] {
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Lockout>(&stored).unwrap(), state);
    }
}

#[test]
fn at_the_end_of_time_it_stays_locked() {
    let state = fail(Lockout::default(), 10, Timestamp::MAX);
    assert_eq!(state.until, Some(Timestamp::MAX));
    let patient = LockoutPolicy { longest: SignedDuration::MAX, ..POLICY() };
    let often = Lockout { locks: u32::MAX, ..Lockout::default() };
    assert_eq!(patient.lasts(often.locks), SignedDuration::MAX);
}

/// A reckoning of its own: all failures are kept, and a lock is found by counting them anew.
#[derive(Default)]
struct Reckoning {
    failures: Vec<i64>,
    locks: usize,
    until: i64,
}

impl Reckoning {
    fn is_locked(&self, now: i64) -> bool {
        now < self.until
    }

    fn failed(&mut self, now: i64) {
        if self.is_locked(now) {
            return;
        }
        self.failures.push(now);
        if self.failures.iter().filter(|&&at| at > now - 15 * 60).count() == 10 {
            self.until = now + [15, 30, 60][self.locks.min(2)] * 60;
            self.locks += 1;
            self.failures.clear();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn it_locks_when_a_plain_reckoning_says_so(
        attempts in vec((0_i64..150, prop::bool::weighted(0.01)), 1..300),
    ) {
        let (mut state, mut reckoning, mut now) = (Lockout::default(), Reckoning::default(), 0);
        for (wait, right) in attempts {
            now += wait;
            let locked = POLICY().check(&state, after(now)).is_err();
            prop_assert_eq!(locked, reckoning.is_locked(now));
            if right && !locked {
                state = POLICY().succeeded();
                reckoning = Reckoning::default();
            } else {
                state = POLICY().failed(state, after(now));
                reckoning.failed(now);
            }
            prop_assert!(state.failures.len() < 10, "what is stored is bounded");
        }
    }

    #[test]
    fn no_lock_lasts_longer_than_an_hour(times in vec(any::<i32>(), 1..60)) {
        let mut state = Lockout::default();
        for time in times {
            let now = after(i64::from(time));
            let locked_before = POLICY().check(&state, now).is_err();
            state = POLICY().failed(state, now);
            if let (Err(LockedOut { until }), false) = (POLICY().check(&state, now), locked_before) {
                prop_assert!(until.duration_since(now) <= SignedDuration::from_hours(1));
            }
        }
    }
}
