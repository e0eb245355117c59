//! An environment at the edge: the version that is served, and those who wait for the next.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::broadcast;

use crate::held::Difference;
use crate::recent::{Patch, Recent};
use crate::served::Served;

/// How many changes an open stream may be behind before it is cut off.
const BEHIND: usize = 64;

#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: Arc<str>,
    served: ArcSwap<Served>,
    recent: Mutex<Recent>,
    changes: broadcast::Sender<Arc<Patch>>,
}

impl Environment {
    pub(crate) fn new(id: Arc<str>, served: Served) -> Self {
        Self {
            id,
            recent: Mutex::new(Recent::starting_at(&served.head.position)),
            served: ArcSwap::from_pointee(served),
            changes: broadcast::Sender::new(BEHIND),
        }
    }

    /// The version that is served now. Take it once for each request.
    pub(crate) fn served(&self) -> arc_swap::Guard<Arc<Served>> {
        self.served.load()
    }

    /// Serves the next version, and tells those who wait for it.
    pub(crate) fn replace(&self, next: Served, changes: &[Difference]) {
        let patch = Arc::new(Patch::new(next.version, &next.head.position, changes));
        // Under the lock, so that whoever asks for the changes since a position finds this one if it is served.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        self.served.store(Arc::new(next));
        recent.push(Arc::clone(&patch));
        drop(recent);
        // Nobody listening is no error.
        let _ = self.changes.send(patch);
    }

    /// The version that is served now, and the changes that led to it from a position, if they are known.
    pub(crate) fn since(&self, position: &str) -> (Arc<Served>, Option<Vec<Arc<Patch>>>) {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        (self.served.load_full(), recent.since(position))
    }

    /// The changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Patch>> {
        self.changes.subscribe()
    }
}
