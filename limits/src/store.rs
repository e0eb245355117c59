//! The buckets of one limit: governor's keyed store, with three things it lacks: to look without taking, to give
//! back, and a bound.
//!
//! A bucket is kept as the time at which it is full again, in nanoseconds since its limiter began. One that is full is
//! no different from one that is not there, and is forgotten when there is no room. If that is not enough, those go
//! which are full soonest: whoever has used up most is remembered longest, so that a flood of new subjects wins nothing
//! for its sender.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{NotKeyed, StateStore};

use crate::subject::Subject;

/// The most subjects that a limit remembers.
const MOST: usize = 100_000;
/// Room is made a little earlier, as many threads may find the last place free.
const ROOM: usize = MOST - 1000;
/// So few need no sweeping.
const FEW: usize = 1024;
/// In how many steps of a window subjects are forgotten if none is full.
const STEPS: u64 = 16;

#[derive(Debug, Clone)]
pub(crate) struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    buckets: DashMapStateStore<Subject>,
    step: Nanos,
    /// The next sweep is due at so many; it costs a look at each, and so is done when they have doubled.
    sweep_at: AtomicUsize,
    sweeping: Mutex<()>,
}

/// A question to a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub(crate) subject: Subject,
    /// Whether what is granted is also taken.
    pub(crate) taking: bool,
}

impl Store {
    pub(crate) fn new(window: Nanos) -> Self {
        Self(Arc::new(Inner {
            buckets: DashMapStateStore::default(),
            step: Nanos::new((window.as_u64() / STEPS).max(1)),
            sweep_at: AtomicUsize::new(FEW),
            sweeping: Mutex::new(()),
        }))
    }

    /// Calls `sweep` if another subject needs room.
    pub(crate) fn make_room_for(&self, subject: &Subject, sweep: impl FnOnce()) {
        let Inner { buckets, sweep_at, sweeping, .. } = &*self.0;
        let full = || buckets.len() >= sweep_at.load(Ordering::Relaxed);
        if buckets.contains_key(subject) || !full() {
            return;
        }
        let _turn = sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        if full() {
            sweep();
            sweep_at.store((2 * buckets.len()).clamp(FEW, ROOM), Ordering::Relaxed);
        }
    }

    /// Puts back what was taken, as a time.
    pub(crate) fn give_back(&self, subject: &Subject, weight: Nanos) {
        if let Some(bucket) = self.0.buckets.get(subject) {
            // One that was forgotten in between is full, and stays so.
            let _ = bucket.measure_and_replace(&NotKeyed::NonKey, |full_at| {
                full_at.map(|full_at| ((), full_at.saturating_sub(weight))).ok_or(())
            });
        }
    }

    /// Takes over what is known from elsewhere.
    pub(crate) fn set(&self, subject: &Subject, full_at: Nanos) {
        let set = |_| Ok::<_, ()>(((), full_at));
        // It always succeeds.
        let _ = self.0.buckets.measure_and_replace(subject, set);
    }

    fn full_at(&self, subject: &Subject) -> Option<Nanos> {
        let bucket = self.0.buckets.get(subject)?;
        let read = |full_at| Err::<((), Nanos), _>(full_at);
        bucket.measure_and_replace(&NotKeyed::NonKey, read).err()?
    }
}

impl StateStore for Store {
    type Key = Ask;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if ask.taking {
            return self.0.buckets.measure_and_replace(&ask.subject, decide);
        }
        decide(self.full_at(&ask.subject)).map(|(outcome, _)| outcome)
    }
}

impl ShrinkableKeyedStateStore<Ask> for Store {
    fn retain_recent(&self, full_before: Nanos) {
        let Inner { buckets, step, .. } = &*self.0;
        let mut full_before = full_before;
        buckets.retain_recent(full_before);
        // With a tenth free the next sweep is far enough away.
        while buckets.len() > ROOM / 10 * 9 {
            full_before = full_before + *step;
            buckets.retain_recent(full_before);
        }
    }

    fn shrink_to_fit(&self) {
        ShrinkableKeyedStateStore::shrink_to_fit(&self.0.buckets);
    }

    fn len(&self) -> usize {
        self.0.buckets.len()
    }

    fn is_empty(&self) -> bool {
        self.0.buckets.is_empty()
    }
}
