//! Recently used aggregates, so that a command asks the log only for what is newer.
//!
//! One cache holds all kinds, so that its bound is one number. What is in it may be stale or gone at any time: an
//! append compares its tip, and an absent aggregate is loaded from its first commit.

use std::{
    any::Any,
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cqrs_es::persist::EventUpcaster;
use ff_eventlog::{Loaded, LogError, Recorded, StreamKey, replay};
use moka::policy::EvictionPolicy;
use tokio::sync::OwnedMutexGuard;

use crate::Executable;

/// What an entry weighs beside the commits it was made of.
const OVERHEAD: u64 = 512;

/// Aggregates by their stream, bounded by bytes.
pub(crate) struct Cache {
    entries: moka::sync::Cache<StreamKey, Entry>,
    heaviest: u64,
}

#[derive(Clone)]
struct Entry {
    cell: Arc<dyn Any + Send + Sync>,
    weight: u32,
}

/// One aggregate, and whose turn it is to change it.
pub(crate) struct Cell<A> {
    turn: Arc<tokio::sync::Mutex<()>>,
    loaded: Mutex<Arc<Loaded<A>>>,
}

impl Cache {
    pub(crate) fn new(bytes: NonZeroU64) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(bytes.get())
            .weigher(|_, entry: &Entry| entry.weight)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        // What weighs more than the whole could never stay, and would be loaded from its first commit each time.
        Self { entries, heaviest: (bytes.get() / 8).max(1) }
    }

    /// The cell of an aggregate, one without any commit if there was none.
    pub(crate) fn cell<A: Executable>(&self, key: &StreamKey) -> Arc<Cell<A>> {
        let entry = self.entries.entry_by_ref(key).or_insert_with(|| {
            self.entry(Arc::new(Cell::<A>::new(Loaded::absent(key.clone()))), 0)
        });
        let cell = entry.into_value().cell.downcast();
        cell.expect("a stream holds one kind of aggregate, its key says which")
    }

    /// Applies newer commits to a cell, and weighs it anew.
    pub(crate) fn advance<A: Executable>(
        &self,
        cell: &Arc<Cell<A>>,
        commits: &[Recorded],
        upcasters: &[Box<dyn EventUpcaster>],
    ) -> Result<(), LogError> {
        if commits.is_empty() {
            return Ok(());
        }
        let (key, bytes) = cell.advance(commits, upcasters)?;
        self.entries.insert(key, self.entry(cell.clone(), bytes));
        Ok(())
    }

    /// A state holds nothing that no commit said, so the commits' bytes are its bound.
    fn entry<A: Executable>(&self, cell: Arc<Cell<A>>, bytes: usize) -> Entry {
        let weight = (OVERHEAD + bytes as u64).min(self.heaviest);
        Entry { cell, weight: u32::try_from(weight).unwrap_or(u32::MAX) }
    }
}

impl<A: Executable> Cell<A> {
    fn new(loaded: Loaded<A>) -> Self {
        Self { turn: Arc::default(), loaded: Mutex::new(Arc::new(loaded)) }
    }

    /// Waits until no other command of this process changes the aggregate. Two that do it at once would only make
    /// one of them a conflict, and do the work twice.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// The aggregate as it was last seen.
    pub(crate) fn get(&self) -> Arc<Loaded<A>> {
        self.lock().clone()
    }

    fn advance(
        &self,
        commits: &[Recorded],
        upcasters: &[Box<dyn EventUpcaster>],
    ) -> Result<(StreamKey, usize), LogError> {
        let mut loaded = self.lock();
        // Two loads at once bring the same commits.
        let known = commits.partition_point(|commit| commit.commit.version <= loaded.version());
        let loaded = Arc::make_mut(&mut loaded);
        replay(loaded, &commits[known..], upcasters)?;
        Ok((loaded.key.clone(), loaded.bytes))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Loaded<A>>> {
        // Applying an event does not panic; had it done so, the tip would still be of the last whole commit.
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
