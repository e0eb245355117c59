//! One version of an environment's config, ready to answer from. It never changes; a change makes the next one.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ff_evaluator::wire::{Head, ObjectKind, SettingsObject};
use ff_evaluator::{Change, Config, EnvironmentDefinition, FlagDefinition, SegmentDefinition};
use hyper::header::HeaderValue;
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::fragments::{Fragments, write_json, write_text};
use crate::held::{Difference, Objects};
use crate::prepared::Prepared;

/// One version of an environment's config.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) config: Config,
    /// By the index of the flag in the config.
    fragments: Vec<Option<Arc<Fragments>>>,
    /// Counts the versions since the start: a position may come twice.
    pub(crate) version: u64,
    pub(crate) head: Head,
    pub(crate) position: HeaderValue,
    pub(crate) etag: HeaderValue,
    salt: String,
    /// Whose environment it is, if the publisher says so.
    pub(crate) organization: Option<Uuid>,
    /// What SDKs download: flags and segments, as published.
    objects: Box<[(ObjectKind, Bytes)]>,
    full: OnceLock<Prepared>,
}

/// A change, as the evaluator takes it.
enum Edit {
    PutFlag(Box<FlagDefinition>),
    RemoveFlag(String),
    PutSegment(SegmentDefinition),
    RemoveSegment(String),
}

/// The part of a flag or segment that names it.
#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl Served {
    /// Compiles everything.
    pub(crate) fn compile(id: &str, head: Head, objects: &Objects) -> Self {
        let salt = salt(objects);
        let of = |wanted| objects.iter().filter(move |((kind, _), _)| *kind == wanted);
        let flags: Vec<FlagDefinition> =
            of(ObjectKind::Flag).filter_map(|((_, name), bytes)| read(name, bytes)).collect();
        let segments: Vec<SegmentDefinition> =
            of(ObjectKind::Segment).filter_map(|((_, name), bytes)| read(name, bytes)).collect();
        let position = head.position.clone();
        let definition =
            EnvironmentDefinition { id: id.to_owned(), salt, position, flags, segments };
        let (config, defects) = Config::compile(&definition);
        report(id, &defects);
        let fragments = Vec::new();
        let mut served = Self::new(config, fragments, 0, head, definition.salt, objects);
        for flag in &definition.flags {
            served.renew(&flag.key, flag.variations.len());
        }
        served
    }

    /// Compiles what changed, and shares the rest with this version.
    pub(crate) fn next(&self, head: Head, objects: &Objects, changes: &[Difference]) -> Self {
        let salt = salt(objects);
        if salt != self.salt {
            let version = self.version + 1;
            return Self { version, ..Self::compile(self.config.id(), head, objects) };
        }
        let edits: Vec<Edit> = changes.iter().filter_map(Edit::of).collect();
        let (config, defects) =
            self.config.recompile(&head.position, edits.iter().map(Edit::borrowed));
        report(self.config.id(), &defects);
        let fragments = self.fragments.clone();
        let mut served = Self::new(config, fragments, self.version + 1, head, salt, objects);
        for edit in &edits {
            if let Edit::PutFlag(flag) = edit {
                served.renew(&flag.key, flag.variations.len());
            }
        }
        served
    }

    fn new(
        config: Config,
        fragments: Vec<Option<Arc<Fragments>>>,
        version: u64,
        head: Head,
        salt: String,
        objects: &Objects,
    ) -> Self {
        // A position is digits; were it not, no header would be wrong, only empty.
        let header = |text: &str| {
            HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
        };
        let organization =
            settings(objects).and_then(|settings| settings.organization?.parse().ok());
        let objects = objects
            .iter()
            .filter(|((kind, _), _)| matches!(kind, ObjectKind::Flag | ObjectKind::Segment))
            .map(|((kind, _), bytes)| (*kind, bytes.clone()))
            .collect();
        Self {
            position: header(&head.position),
            etag: header(&format!("\"{}\"", head.position)),
            full: OnceLock::new(),
            config,
            fragments,
            version,
            head,
            salt,
            organization,
            objects,
        }
    }

    /// Forgets what was written of a flag.
    fn renew(&mut self, key: &str, variations: usize) {
        if let Some(flag) = self.config.flag(key) {
            let index = flag.index();
            if self.fragments.len() <= index {
                self.fragments.resize(index + 1, None);
            }
            self.fragments[index] = Some(Arc::new(Fragments::new(variations)));
        }
    }

    /// What is written already of the flag with this index.
    pub(crate) fn fragments(&self, index: usize) -> Option<&Fragments> {
        self.fragments.get(index)?.as_deref()
    }

    /// The whole config as SDKs download it.
    pub(crate) fn full(&self) -> &Prepared {
        self.full.get_or_init(|| {
            let size: usize = self.objects.iter().map(|(_, bytes)| bytes.len() + 1).sum();
            let mut out = Vec::with_capacity(size + 256);
            out.extend_from_slice(b"{\"id\":");
            write_text(&mut out, self.config.id());
            out.extend_from_slice(b",\"position\":");
            write_text(&mut out, &self.head.position);
            out.extend_from_slice(b",\"salt\":");
            write_json(&mut out, &self.salt);
            for (kind, field) in
                [(ObjectKind::Flag, ",\"flags\":["), (ObjectKind::Segment, ",\"segments\":[")]
            {
                out.extend_from_slice(field.as_bytes());
                let start = out.len();
                for (_, bytes) in self.objects.iter().filter(|(each, _)| *each == kind) {
                    if out.len() > start {
                        out.push(b',');
                    }
                    out.extend_from_slice(bytes);
                }
                out.push(b']');
            }
            out.push(b'}');
            Prepared::new(out)
        })
    }
}

impl Edit {
    fn of(change: &Difference) -> Option<Self> {
        let (kind, name) = &change.name;
        let removed = || key_of(change.before.as_ref()?);
        match (kind, &change.after) {
            (ObjectKind::Flag, Some(bytes)) => match read(name, bytes) {
                Some(flag) => Some(Self::PutFlag(flag)),
                None => removed().map(Self::RemoveFlag),
            },
            (ObjectKind::Flag, None) => removed().map(Self::RemoveFlag),
            (ObjectKind::Segment, Some(bytes)) => match read(name, bytes) {
                Some(segment) => Some(Self::PutSegment(segment)),
                None => removed().map(Self::RemoveSegment),
            },
            (ObjectKind::Segment, None) => removed().map(Self::RemoveSegment),
            (ObjectKind::Key | ObjectKind::Settings | ObjectKind::Metric, _) => None,
        }
    }

    fn borrowed(&self) -> Change<'_> {
        match self {
            Self::PutFlag(flag) => Change::PutFlag(flag),
            Self::RemoveFlag(key) => Change::RemoveFlag(key),
            Self::PutSegment(segment) => Change::PutSegment(segment),
            Self::RemoveSegment(key) => Change::RemoveSegment(key),
        }
    }
}

/// The key of a flag or segment as published.
pub(crate) fn key_of(bytes: &Bytes) -> Option<String> {
    serde_json::from_slice::<Keyed>(bytes).ok().map(|keyed| keyed.key)
}

fn salt(objects: &Objects) -> String {
    settings(objects).map_or_else(String::new, |settings| settings.salt)
}

fn settings(objects: &Objects) -> Option<SettingsObject> {
    objects
        .iter()
        .find(|((kind, _), _)| *kind == ObjectKind::Settings)
        .and_then(|(_, bytes)| serde_json::from_slice(bytes).ok())
}

/// Reads an object. One that a newer platform wrote in another shape is left out, and said.
fn read<T: DeserializeOwned>(name: &str, bytes: &Bytes) -> Option<T> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| {
            tracing::error!(
                error = error as &dyn std::error::Error,
                object = name,
                "an object of the config cannot be read and is left out; update this edge"
            );
        })
        .ok()
}

fn report(id: &str, defects: &[ff_evaluator::Defect]) {
    for defect in defects {
        tracing::warn!(
            environment = id,
            object.kind = defect.object.as_str(),
            object.key = %defect.key,
            problem = %defect.problem.kind,
            pointer = %defect.problem.pointer,
            "a definition has a defect and is answered with an error"
        );
    }
}
