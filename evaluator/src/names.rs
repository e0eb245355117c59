//! Numbers for the keys of flags and segments, so that a rule refers to another object without a look-up.
//!
//! A number, once given, stays with its key through every recompilation, also while the object is missing: that is
//! why compiled flags can be shared between configs, and why a reference to a missing object can be told apart.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// Where a flag is, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlagSlot(pub(crate) usize);

/// Where a segment is, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentSlot(pub(crate) usize);

/// The numbers given so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    slots: FxHashMap<Arc<str>, usize>,
    keys: Vec<Arc<str>>,
}

impl Names {
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<usize> {
        self.slots.get(key).copied()
    }

    pub(crate) fn key(&self, slot: usize) -> &str {
        self.keys.get(slot).map_or("", |key| key)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    fn add(&mut self, key: &str) -> usize {
        let slot = self.keys.len();
        let key: Arc<str> = key.into();
        self.keys.push(Arc::clone(&key));
        self.slots.insert(key, slot);
        slot
    }
}

/// The numbers of one environment, copied only when a key is new.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    pub(crate) flags: Arc<Names>,
    pub(crate) segments: Arc<Names>,
}

impl Links {
    pub(crate) fn flag(&mut self, key: &str) -> FlagSlot {
        FlagSlot(number(&mut self.flags, key))
    }

    pub(crate) fn segment(&mut self, key: &str) -> SegmentSlot {
        SegmentSlot(number(&mut self.segments, key))
    }
}

fn number(names: &mut Arc<Names>, key: &str) -> usize {
    match names.get(key) {
        Some(slot) => slot,
        None => Arc::make_mut(names).add(key),
    }
}
