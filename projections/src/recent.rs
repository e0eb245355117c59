//! A map that keeps what was used recently, bounded by weight.
//!
//! Two halves: what is used goes to the young one; when that is full, it becomes the old one, and the old one goes.
//! So memory is at most twice the bound, and nothing has to be kept in an order.

use std::{collections::HashMap, hash::Hash};

use rustc_hash::FxBuildHasher;

type Half<K, V> = HashMap<K, (V, usize), FxBuildHasher>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: Half<K, V>,
    old: Half<K, V>,
    weight: usize,
    bound: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// One half weighs at most `bound`.
    pub(crate) fn new(bound: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), weight: 0, bound }
    }

    /// Whether it is there.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    /// Takes it out.
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        if let Some((value, weight)) = self.young.remove(key) {
            self.weight -= weight;
            return Some(value);
        }
        self.old.remove(key).map(|(value, _)| value)
    }

    /// Puts it in as the youngest.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        if self.weight + weight > self.bound {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        if let Some((_, replaced)) = self.young.insert(key, (value, weight)) {
            self.weight -= replaced;
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.weight = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_used_goes() {
        let mut recent = Recent::new(2);
        for key in 1..=4 {
            recent.put(key, key * 10, 1);
        }
        // 1 and 2 are the old half now; using 1 makes it young, and full.
        assert_eq!(recent.take(&1), Some(10));
        recent.put(1, 11, 1);
        assert!(!recent.contains(&2));
        assert_eq!(recent.take(&3), Some(30));
        assert_eq!(recent.take(&1), Some(11));
        assert_eq!(recent.take(&1), None);
        recent.clear();
        assert!(!recent.contains(&4));
    }

    #[test]
    fn replacing_weighs_once() {
        let mut recent = Recent::new(10);
        for value in 0..100 {
            recent.put("key", value, 4);
        }
        assert_eq!(recent.take(&"key"), Some(99));
    }
}
