//! What an edge holds of one environment: the objects as they were published, byte for byte, and their hash.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ff_evaluator::wire::{ConfigHash, Head, ObjectKind};

/// Names an object in its environment.
pub(crate) type ObjectName = (ObjectKind, Arc<str>);

/// The objects of an environment, in the order of their kinds and names.
pub(crate) type Objects = BTreeMap<ObjectName, Bytes>;

/// One object that is other than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) name: ObjectName,
    pub(crate) before: Option<Bytes>,
    pub(crate) after: Option<Bytes>,
}

/// The objects do not have the hash that the head says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the config's hash is {found}, the head says {expected}")]
pub(crate) struct Mismatch {
    expected: String,
    found: String,
}

#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) objects: Objects,
    hash: ConfigHash,
    /// Arrived, but not their head yet. An empty body means gone.
    waiting: Vec<(ObjectName, Bytes)>,
    /// Messages up to this sequence are contained already.
    pub(crate) floor: u64,
}

impl Held {
    /// Takes whole what `objects` is, if it has the hash that the head says.
    pub(crate) fn whole(objects: Objects, head: &Head) -> Result<Self, Mismatch> {
        let mut hash = ConfigHash::default();
        for ((kind, name), bytes) in &objects {
            hash.put(*kind, name, bytes);
        }
        check(&hash, head)?;
        Ok(Self { objects, hash, ..Self::default() })
    }

    /// Notes an object that belongs to the next head.
    pub(crate) fn wait(&mut self, name: ObjectName, bytes: Bytes) {
        self.waiting.push((name, bytes));
    }

    /// Applies what has arrived since the last head. On a mismatch everything stays as it was.
    pub(crate) fn apply(&mut self, head: &Head) -> Result<Vec<Difference>, Mismatch> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut latest: BTreeMap<ObjectName, Option<Bytes>> = BTreeMap::new();
        for (name, bytes) in waiting {
            latest.insert(name, (!bytes.is_empty()).then_some(bytes));
        }
        let mut differences = Vec::with_capacity(latest.len());
        for (name, after) in latest {
            let before = self.objects.get(&name).cloned();
            if before != after {
                self.note(&name, after.as_ref());
                differences.push(Difference { name, before, after });
            }
        }
        if let Err(mismatch) = check(&self.hash, head) {
            for difference in &differences {
                self.note(&difference.name, difference.before.as_ref());
            }
            return Err(mismatch);
        }
        for Difference { name, after, .. } in &differences {
            match after {
                Some(bytes) => self.objects.insert(name.clone(), bytes.clone()),
                None => self.objects.remove(name),
            };
        }
        Ok(differences)
    }

    /// What is other in `newer`.
    pub(crate) fn compare(&self, newer: &Self) -> Vec<Difference> {
        let gone = self.objects.iter().filter(|(name, _)| !newer.objects.contains_key(*name)).map(
            |(name, bytes)| Difference {
                name: name.clone(),
                before: Some(bytes.clone()),
                after: None,
            },
        );
        let put = newer.objects.iter().filter_map(|(name, bytes)| {
            let before = self.objects.get(name).cloned();
            (before.as_ref() != Some(bytes)).then(|| Difference {
                name: name.clone(),
                before,
                after: Some(bytes.clone()),
            })
        });
        gone.chain(put).collect()
    }

    fn note(&mut self, (kind, name): &ObjectName, bytes: Option<&Bytes>) {
        match bytes {
            Some(bytes) => self.hash.put(*kind, name, bytes),
            None => self.hash.remove(*kind, name),
        }
    }
}

fn check(hash: &ConfigHash, head: &Head) -> Result<(), Mismatch> {
    let found = hash.hex();
    if found == head.hash { Ok(()) } else { Err(Mismatch { expected: head.hash.clone(), found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        (ObjectKind::Flag, name.into())
    }

    fn head(objects: &[(&str, &'static str)]) -> Head {
        let mut hash = ConfigHash::default();
        for (name, bytes) in objects {
            hash.put(ObjectKind::Flag, name, bytes.as_bytes());
        }
        Head { position: "1".to_owned(), hash: hash.hex() }
    }

    #[test]
    fn a_change_counts_from_its_head_on() {
        let mut held = Held::default();
        held.wait(name("a"), "1".into());
        assert!(held.objects.is_empty());
        assert_eq!(held.apply(&head(&[("a", "1")])).unwrap().len(), 1);
        held.wait(name("a"), Bytes::new());
        held.wait(name("b"), "2".into());
        let differences = held.apply(&head(&[("b", "2")])).unwrap();
        assert_eq!(differences.len(), 2);
        assert_eq!(differences[0].before, Some("1".into()));
        assert_eq!(held.objects.len(), 1);
    }

    #[test]
    fn a_mismatch_leaves_all_as_it_was() {
        let mut held = Held::default();
        held.wait(name("a"), "1".into());
        held.apply(&head(&[("a", "1")])).unwrap();
        held.wait(name("a"), "2".into());
        assert!(held.apply(&head(&[("a", "3")])).is_err());
        assert_eq!(held.objects[&name("a")], "1");
        assert_eq!(held.apply(&head(&[("a", "1")])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_other_in_a_whole_config_is_found() {
        let objects = |list: &[(&str, &'static str)]| {
            list.iter().map(|(key, bytes)| (name(key), Bytes::from(*bytes))).collect::<Objects>()
        };
        let before = [("a", "1"), ("b", "1"), ("c", "1")];
        let after = [("b", "1"), ("c", "2"), ("d", "1")];
        let old = Held::whole(objects(&before), &head(&before)).unwrap();
        let new = Held::whole(objects(&after), &head(&after)).unwrap();
        let names: Vec<_> = old.compare(&new).into_iter().map(|each| each.name.1).collect();
        assert_eq!(names, ["a".into(), "c".into(), "d".into()] as [Arc<str>; 3]);
        assert!(Held::whole(objects(&before), &head(&after)).is_err());
    }
}
