//! What flags, segments and experiments mention, and how a circle is found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{ProjectError, ProjectState};
use crate::{EnvironmentKey, ExperimentKey, FlagKey, MetricKey, SegmentKey, VariationKey};

/// Something that can mention, or be mentioned. As text `flag:checkout` or `segment:beta`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A flag.
    Flag(FlagKey),
    /// A segment.
    Segment(SegmentKey),
    /// An experiment.
    Experiment(ExperimentKey),
    /// A metric.
    Metric(MetricKey),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag `{key}`"),
            Self::Segment(key) => write!(f, "segment `{key}`"),
            Self::Experiment(key) => write!(f, "experiment `{key}`"),
            Self::Metric(key) => write!(f, "metric `{key}`"),
        }
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(key) => serializer.collect_str(&format_args!("flag:{key}")),
            Self::Segment(key) => serializer.collect_str(&format_args!("segment:{key}")),
            Self::Experiment(key) => serializer.collect_str(&format_args!("experiment:{key}")),
            Self::Metric(key) => serializer.collect_str(&format_args!("metric:{key}")),
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("flag", key)) => FlagKey::parse(key).map(Self::Flag).map_err(D::Error::custom),
            Some(("segment", key)) => {
                SegmentKey::parse(key).map(Self::Segment).map_err(D::Error::custom)
            }
            Some(("experiment", key)) => {
                ExperimentKey::parse(key).map(Self::Experiment).map_err(D::Error::custom)
            }
            Some(("metric", key)) => {
                MetricKey::parse(key).map(Self::Metric).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom("an item is `<kind>:<key>`, such as `flag:checkout`")),
        }
    }
}

/// All that one flag, segment or experiment mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct References {
    /// Flags and the variations waited for, per environment: a circle exists only within one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<EnvironmentKey, BTreeMap<FlagKey, BTreeSet<VariationKey>>>,
    /// Segments, in whatever environment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub segments: BTreeSet<SegmentKey>,
    /// Metrics.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub metrics: BTreeSet<MetricKey>,
}

impl References {
    /// Whether nothing is mentioned.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.segments.is_empty() && self.metrics.is_empty()
    }

    /// Whether an item is mentioned.
    pub fn mention(&self, item: &Item) -> bool {
        match item {
            Item::Flag(key) => self.flags.values().any(|flags| flags.contains_key(key)),
            Item::Segment(key) => self.segments.contains(key),
            Item::Metric(key) => self.metrics.contains(key),
            // Nothing depends on an experiment.
            Item::Experiment(_) => false,
        }
    }

    /// Whether a variation is waited for.
    pub fn mention_variation(&self, flag: &FlagKey, variation: &VariationKey) -> bool {
        self.flags
            .values()
            .any(|flags| flags.get(flag).is_some_and(|variations| variations.contains(variation)))
    }

    /// Everything that is mentioned.
    fn items(&self) -> impl Iterator<Item = Item> {
        let flags = self.flags.values().flat_map(|flags| flags.keys()).cloned().map(Item::Flag);
        let segments = self.segments.iter().cloned().map(Item::Segment);
        flags.chain(segments).chain(self.metrics.iter().cloned().map(Item::Metric))
    }
}

impl ProjectState {
    /// Refuses references to what is archived, and those that would close a circle.
    pub(super) fn check_references(
        &self,
        item: &Item,
        references: &References,
    ) -> Result<(), ProjectError> {
        if let Some(retired) = references.items().find(|mentioned| self.retired.contains(mentioned))
        {
            return Err(ProjectError::Retired(retired));
        }
        let circle = match item {
            Item::Flag(flag) => references.flags.iter().find_map(|(environment, flags)| {
                circle(flag, flags.keys(), |other| {
                    let others = self.references.get(&Item::Flag(other.clone()))?;
                    others.flags.get(environment).map(|flags| flags.keys())
                })
                .map(|path| path.into_iter().map(Item::Flag).collect())
            }),
            Item::Segment(segment) => circle(segment, references.segments.iter(), |other| {
                self.references
                    .get(&Item::Segment(other.clone()))
                    .map(|others| others.segments.iter())
            })
            .map(|path| path.into_iter().map(Item::Segment).collect()),
            // Nothing mentions an experiment, and a metric mentions nothing.
            Item::Experiment(_) | Item::Metric(_) => None,
        };
        circle.map_or(Ok(()), |path| Err(ProjectError::Cycle(path)))
    }
}

/// A way from `start` over `first` back to `start`, both ends included.
fn circle<'a, K: Ord + Clone + 'a, I: Iterator<Item = &'a K>>(
    start: &K,
    first: impl Iterator<Item = &'a K>,
    next: impl Fn(&'a K) -> Option<I>,
) -> Option<Vec<K>> {
    // Each step remembers where it came from, so that the way can be told.
    let mut came_from: BTreeMap<&K, Option<&K>> = BTreeMap::new();
    let mut open: Vec<&'a K> = Vec::new();
    for key in first {
        came_from.insert(key, None);
        open.push(key);
    }
    while let Some(key) = open.pop() {
        if key == start {
            let mut path = vec![start.clone()];
            let mut step = came_from.get(key).copied().flatten();
            while let Some(key) = step {
                path.push(key.clone());
                step = came_from.get(key).copied().flatten();
            }
            path.push(start.clone());
            path.reverse();
            return Some(path);
        }
        for following in next(key).into_iter().flatten() {
            if !came_from.contains_key(following) {
                came_from.insert(following, Some(key));
                open.push(following);
            }
        }
    }
    None
}
