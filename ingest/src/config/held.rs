//! What is held of one environment, object by object: of each only what is needed here.

use std::collections::BTreeMap;

use ff_evaluator::wire::{KeyKind, KeyObject};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::reader::Part;
use super::{Key, Names};

/// Names an object in its environment: its kind and its own name.
pub(super) type ObjectName = (Box<str>, Box<str>);

/// What is needed of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    Key { hash: [u8; 32], kind: KeyKind, expires_at: Option<Timestamp> },
    Flag { key: Box<str>, experiment: Option<Box<str>> },
    Metric { events: Vec<Box<str>> },
    Settings { organization: Option<Uuid> },
}

#[derive(Deserialize)]
struct Flag {
    key: Box<str>,
    #[serde(default)]
    experiment: Option<Experiment>,
}

#[derive(Deserialize)]
struct Experiment {
    key: Box<str>,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(default)]
    events: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    organization: Option<Uuid>,
}

/// The objects of an environment. A change counts from its head on.
#[derive(Debug, Default)]
pub(super) struct Held {
    objects: BTreeMap<ObjectName, Object>,
    waiting: Vec<(ObjectName, Option<Object>)>,
    /// It was served once.
    pub(super) headed: bool,
    /// The stream does not have what is held here; the next head replaces all.
    outdated: bool,
}

impl Object {
    /// Reads an object. An object of another kind is none, and so is one that cannot be read: it is said, and the
    /// others are used.
    #[expect(
        clippy::option_option,
        reason = "of no interest, unreadable, and read are three things"
    )]
    pub(super) fn read(kind: &str, payload: &[u8]) -> Option<Option<Self>> {
        let object = match kind {
            "key" => serde_json::from_slice::<KeyObject>(payload).ok().and_then(|key| {
                let mut hash = [0; 32];
                hex::decode_to_slice(&key.hash, &mut hash).ok()?;
                Some(Self::Key { hash, kind: key.kind, expires_at: key.expires_at })
            }),
            "flag" => serde_json::from_slice(payload).ok().map(|Flag { key, experiment }| {
                Self::Flag { key, experiment: experiment.map(|experiment| experiment.key) }
            }),
            "metric" => serde_json::from_slice(payload)
                .ok()
                .map(|Metric { events }| Self::Metric { events }),
            "settings" => serde_json::from_slice(payload)
                .ok()
                .map(|Settings { organization }| Self::Settings { organization }),
            _ => return None,
        };
        if object.is_none() {
            tracing::error!(kind, "an object of the config cannot be read and is left out");
        }
        Some(object)
    }
}

impl Held {
    /// Takes a message. Answers whether what holds is other than before.
    pub(super) fn take(&mut self, part: Part) -> bool {
        match part {
            Part::Object(name, object) => {
                self.waiting.push((name, object));
                false
            }
            Part::Head => {
                self.headed = true;
                let mut changed = std::mem::take(&mut self.outdated);
                if changed {
                    self.objects.clear();
                }
                for (name, object) in std::mem::take(&mut self.waiting) {
                    changed |= match object {
                        Some(object) => {
                            self.objects.insert(name, object.clone()).as_ref() != Some(&object)
                        }
                        None => self.objects.remove(&name).is_some(),
                    };
                }
                changed
            }
        }
    }

    /// The stream does not have this any more; the next head replaces all.
    pub(super) fn expect_anew(&mut self) {
        self.waiting.clear();
        self.outdated = true;
    }

    /// Takes what the whole stream has of this environment. Answers whether what holds is other than before.
    pub(super) fn replace(&mut self, mut fresh: Self) -> bool {
        if !fresh.headed && self.headed {
            self.waiting = fresh.waiting;
            return false;
        }
        if fresh.headed {
            // What came after the head is the newest there is.
            fresh.take(Part::Head);
        }
        let changed = self.objects != fresh.objects || self.headed != fresh.headed;
        *self = fresh;
        changed
    }

    pub(super) fn organization(&self) -> Option<Uuid> {
        self.objects.values().find_map(|object| match object {
            Object::Settings { organization } => *organization,
            _ => None,
        })
    }

    pub(super) fn names(&self) -> Names {
        let mut names = Names::default();
        for object in self.objects.values() {
            match object {
                Object::Flag { key, experiment } => {
                    names.flags.insert(key.clone());
                    names.experiments.extend(experiment.clone());
                }
                Object::Metric { events } => names.metrics.extend(events.iter().cloned()),
                Object::Key { .. } | Object::Settings { .. } => {}
            }
        }
        names
    }

    /// Every key of this environment.
    pub(super) fn keys(&self, environment: Uuid) -> impl Iterator<Item = Key> {
        self.objects.iter().filter_map(move |((_, name), object)| match *object {
            Object::Key { hash, kind, expires_at } => {
                Some(Key { id: name.parse().ok(), hash, kind, environment, expires_at })
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(key: &str, payload: &[u8]) -> Part {
        let object = Object::read("flag", payload).unwrap();
        Part::Object(("flag".into(), key.into()), object)
    }

    #[test]
    fn a_change_counts_from_its_head_on() {
        let mut held = Held::default();
        assert!(!held.take(flag("1", br#"{"key":"a","experiment":{"key":"e"},"x":1}"#)));
        assert!(held.names().flags.is_empty());
        assert!(held.take(Part::Head));
        assert!(held.names().flags.contains("a") && held.names().experiments.contains("e"));
        assert!(!held.take(Part::Head));
    }

    #[test]
    fn what_is_published_anew_counts_from_its_head_on() {
        let mut held = Held::default();
        held.take(flag("1", br#"{"key":"a"}"#));
        held.take(Part::Head);
        held.expect_anew();
        let mut fresh = Held::default();
        fresh.take(flag("2", br#"{"key":"b"}"#));
        assert!(!held.replace(fresh));
        assert!(held.names().flags.contains("a"));
        held.take(flag("3", br#"{"key":"c"}"#));
        assert!(held.take(Part::Head));
        let mut flags: Vec<_> = held.names().flags.into_iter().collect();
        flags.sort();
        assert_eq!(flags, ["b".into(), "c".into()] as [Box<str>; 2]);
    }

    #[test]
    fn objects_of_other_platforms_are_read_or_left_out() {
        let settings = |text: &str| Object::read("settings", text.as_bytes()).unwrap();
        assert_eq!(settings(r#"{"salt":"s"}"#), Some(Object::Settings { organization: None }));
        let id = Uuid::from_u128(7);
        let with = format!(r#"{{"salt":"s","organization":"{id}"}}"#);
        assert_eq!(settings(&with), Some(Object::Settings { organization: Some(id) }));
        assert_eq!(settings("7"), None);
        assert_eq!(Object::read("segment", b"{}"), None);
        let metric = Object::read("metric", br#"{"key":"m","events":["purchase"]}"#).unwrap();
        assert_eq!(metric, Some(Object::Metric { events: vec!["purchase".into()] }));
    }
}
