//! The latest changes of an environment, so that an SDK that has an older config gets only what is new.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use ff_evaluator::wire::ObjectKind;

use crate::fragments::write_text;
use crate::held::Difference;
use crate::served::key_of;

/// How many changes are kept.
const CHANGES: usize = 256;
/// How many bytes of objects are kept for them.
const BYTES: usize = 2 * 1024 * 1024;

/// One change of a config, as SDKs see it.
#[derive(Debug)]
pub(crate) struct Patch {
    /// The version it led to; see [`crate::served::Served::version`].
    pub(crate) version: u64,
    pub(crate) position: String,
    objects: Vec<Changed>,
    /// The change as JSON.
    pub(crate) json: Bytes,
}

#[derive(Debug, Clone)]
struct Changed {
    kind: ObjectKind,
    key: String,
    /// `None` means gone.
    definition: Option<Bytes>,
}

/// The latest changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// The position before the oldest change.
    base: String,
    patches: VecDeque<Arc<Patch>>,
    bytes: usize,
}

impl Patch {
    pub(crate) fn new(version: u64, position: &str, changes: &[Difference]) -> Self {
        let objects: Vec<Changed> = changes
            .iter()
            .filter(|change| matches!(change.name.0, ObjectKind::Flag | ObjectKind::Segment))
            .filter_map(|change| {
                let bytes = change.after.as_ref().or(change.before.as_ref())?;
                let (kind, definition) = (change.name.0, change.after.clone());
                Some(Changed { kind, key: key_of(bytes)?, definition })
            })
            .collect();
        let json = json(position, &objects.iter().collect::<Vec<_>>());
        Self { version, position: position.to_owned(), objects, json: json.into() }
    }

    /// Whether nothing that is evaluated is other than before.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    fn size(&self) -> usize {
        self.json.len()
    }
}

impl Recent {
    /// Nothing is known of what was before this position.
    pub(crate) fn starting_at(position: &str) -> Self {
        Self { base: position.to_owned(), ..Self::default() }
    }

    pub(crate) fn push(&mut self, patch: Arc<Patch>) {
        self.bytes += patch.size();
        self.patches.push_back(patch);
        while self.patches.len() > CHANGES || self.bytes > BYTES {
            let Some(oldest) = self.patches.pop_front() else { break };
            self.bytes -= oldest.size();
            self.base.clone_from(&oldest.position);
        }
    }

    /// The changes after a position, `None` if they are not known any more.
    pub(crate) fn since(&self, position: &str) -> Option<Vec<Arc<Patch>>> {
        // The newest change to a position is the state that whoever names it has.
        if let Some(at) = self.patches.iter().rposition(|patch| patch.position == position) {
            return Some(self.patches.iter().skip(at + 1).cloned().collect());
        }
        (self.base == position).then(|| self.patches.iter().cloned().collect())
    }
}

/// Several changes as one: of each object only the last.
pub(crate) fn merged(position: &str, patches: &[Arc<Patch>]) -> Vec<u8> {
    let mut objects = BTreeMap::new();
    for changed in patches.iter().flat_map(|patch| &patch.objects) {
        objects.insert((changed.kind, changed.key.as_str()), changed);
    }
    json(position, &objects.into_values().collect::<Vec<_>>())
}

fn json(position: &str, objects: &[&Changed]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"position\":");
    write_text(&mut out, position);
    for (field, present) in [(",\"changed\":[", true), (",\"removed\":[", false)] {
        out.extend_from_slice(field.as_bytes());
        let start = out.len();
        for object in objects.iter().filter(|object| object.definition.is_some() == present) {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"kind\":");
            write_text(&mut out, object.kind.as_str());
            out.extend_from_slice(b",\"key\":");
            write_text(&mut out, &object.key);
            if let Some(definition) = &object.definition {
                out.extend_from_slice(b",\"definition\":");
                out.extend_from_slice(definition);
            }
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(position: &str, key: &str, present: bool) -> Arc<Patch> {
        let bytes = Bytes::from(format!("{{\"key\":\"{key}\",\"at\":{position}}}"));
        let (before, after) = if present { (None, Some(bytes)) } else { (Some(bytes), None) };
        let name = (ObjectKind::Flag, key.into());
        Arc::new(Patch::new(0, position, &[Difference { name, before, after }]))
    }

    #[test]
    fn changes_since_a_position_are_one() {
        let mut recent = Recent::starting_at("1");
        recent.push(patch("2", "a", true));
        recent.push(patch("3", "b", true));
        recent.push(patch("4", "a", true));
        recent.push(patch("5", "b", false));
        assert!(recent.since("0").is_none());
        assert_eq!(recent.since("5").unwrap().len(), 0);
        let all = recent.since("1").unwrap();
        let json: serde_json::Value = serde_json::from_slice(&merged("5", &all)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "position": "5",
                "changed": [{"kind": "flag", "key": "a", "definition": {"key": "a", "at": 4}}],
                "removed": [{"kind": "flag", "key": "b"}],
            })
        );
    }

    #[test]
    fn only_the_latest_changes_are_kept() {
        let mut recent = Recent::starting_at("0");
        for position in 1..=300_u32 {
            recent.push(patch(&position.to_string(), "a", true));
        }
        assert_eq!(recent.patches.len(), CHANGES);
        assert!(recent.since("43").is_none());
        assert_eq!(recent.since("44").unwrap().len(), CHANGES);
    }

    #[test]
    fn a_key_is_never_part_of_a_patch() {
        let name = (ObjectKind::Key, "k".into());
        let after = Some(Bytes::from_static(b"{\"key\":\"x\",\"hash\":\"secret\"}"));
        let patch = Patch::new(1, "1", &[Difference { name, before: None, after }]);
        assert_eq!(patch.json, r#"{"position":"1","changed":[],"removed":[]}"#);
    }
}
