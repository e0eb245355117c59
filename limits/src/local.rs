//! All limits on this replica alone.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::clock::{Clock, DefaultClock};

use crate::answer::Denied;
use crate::keyed::Keyed;
use crate::quota::Limit;
use crate::subject::Subject;

type All<C> = Vec<Arc<Keyed<C>>>;

/// The buckets of every limit that was asked for so far. They are few: to look for one is to compare names.
#[derive(Debug)]
pub(crate) struct Local<C: Clock = DefaultClock> {
    clock: C,
    all: ArcSwap<All<C>>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new(DefaultClock::default())
    }
}

impl<C: Clock + Clone> Local<C> {
    pub(crate) fn new(clock: C) -> Self {
        Self { clock, all: ArcSwap::default() }
    }

    /// Takes `cost` from every bucket, or from none; a cost of 0 looks whether one would pass. Says what is left in each.
    pub(crate) fn take(&self, asks: &[(&Limit, Subject)], cost: u32) -> Result<Vec<u32>, Denied> {
        let all = self.all(asks);
        let Some(cost) = NonZeroU32::new(cost) else {
            let left = look(&all, asks, NonZeroU32::MIN)?;
            return Ok(left.into_iter().map(|left| left + 1).collect());
        };
        if asks.len() > 1 {
            look(&all, asks, cost)?;
        }
        let mut left = Vec::with_capacity(asks.len());
        for (by, (limit, subject)) in asks.iter().enumerate() {
            match find(&all, limit).take(*subject, cost) {
                Ok(more) => left.push(more),
                // Somebody else was faster, since the look.
                Err(wait) => {
                    for (limit, subject) in &asks[..by] {
                        find(&all, limit).give_back(*subject, cost.get());
                    }
                    return Err(Denied { by, wait });
                }
            }
        }
        Ok(left)
    }

    pub(crate) fn give_back(&self, limit: &Limit, subject: Subject, cost: u32) {
        if let Some(keyed) = self.all.load().iter().find(|keyed| keyed.limit() == limit) {
            keyed.give_back(subject, cost);
        }
    }

    /// Whether one request would pass everywhere.
    pub(crate) fn glance(&self, asks: &[(&Limit, Subject)]) -> Result<(), Denied> {
        look(&self.all(asks), asks, NonZeroU32::MIN).map(|_| ())
    }

    /// Takes over what Redis says, for the time when it says nothing any more.
    pub(crate) fn follow(&self, asks: &[(&Limit, Subject)], full_in: &[Duration]) {
        let all = self.all(asks);
        for ((limit, subject), full_in) in asks.iter().zip(full_in) {
            find(&all, limit).follow(*subject, *full_in);
        }
    }

    /// The buckets, those of every limit asked for among them.
    fn all(&self, asks: &[(&Limit, Subject)]) -> arc_swap::Guard<Arc<All<C>>> {
        let missing = |all: &All<C>| {
            let known = |limit: &Limit| all.iter().any(|keyed| keyed.limit() == limit);
            asks.iter().map(|(limit, _)| **limit).find(|limit| !known(limit))
        };
        loop {
            let all = self.all.load();
            let Some(limit) = missing(&all) else { return all };
            let keyed = Arc::new(Keyed::new(limit, self.clock.clone()));
            self.all.rcu(|all| {
                let mut all = All::clone(all);
                if all.iter().all(|keyed| *keyed.limit() != limit) {
                    all.push(Arc::clone(&keyed));
                }
                all
            });
        }
    }
}

/// What would be left in each bucket, or the one that has to be waited for longest.
fn look<C: Clock + Clone>(
    all: &All<C>,
    asks: &[(&Limit, Subject)],
    cost: NonZeroU32,
) -> Result<Vec<u32>, Denied> {
    let mut left = Vec::with_capacity(asks.len());
    let mut worst: Option<Denied> = None;
    for (by, (limit, subject)) in asks.iter().enumerate() {
        match find(all, limit).look(*subject, cost) {
            Ok(more) => left.push(more),
            Err(wait) if worst.as_ref().is_none_or(|worst| worst.wait < wait) => {
                worst = Some(Denied { by, wait });
            }
            Err(_) => {}
        }
    }
    worst.map_or(Ok(left), Err)
}

fn find<'a, C: Clock + Clone>(all: &'a All<C>, limit: &Limit) -> &'a Keyed<C> {
    all.iter().find(|keyed| keyed.limit() == limit).expect("every limit asked for was added")
}

#[cfg(test)]
mod tests;
