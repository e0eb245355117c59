//! The aggregates that edge config is made of, as the log has made them, and how they hang together.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::Aggregate;
use ff_domain::{
    ApiKey, ApiKeyId, Environment, EnvironmentId, EnvironmentState, Flag, FlagId, Metric, MetricId,
    OrganizationId, ProjectId, Segment, SegmentId, api_key::ApiKeyState, upcast::upcasters,
};
use ff_eventlog::{DecodeError, Position, Recorded, decode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::stream::OWN;

/// An aggregate and the commit it is of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record<A> {
    pub(super) position: Position,
    /// Whose it is, where edge config says so: no state of an environment does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<OrganizationId>,
    /// A commit could not be understood: this and all later ones are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) parked: bool,
    pub(super) state: A,
}

/// An aggregate that a commit was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touched {
    Environment(EnvironmentId),
    Flag(FlagId),
    Segment(SegmentId),
    Key(ApiKeyId),
    Metric(MetricId),
}

/// What belongs to a project.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) environments: BTreeSet<EnvironmentId>,
    pub(super) flags: BTreeSet<FlagId>,
    pub(super) segments: BTreeSet<SegmentId>,
    pub(super) metrics: BTreeSet<MetricId>,
}

#[derive(Debug, Default)]
pub(super) struct World {
    environments: BTreeMap<EnvironmentId, Record<Environment>>,
    flags: BTreeMap<FlagId, Record<Flag>>,
    segments: BTreeMap<SegmentId, Record<Segment>>,
    keys: BTreeMap<ApiKeyId, Record<ApiKey>>,
    metrics: BTreeMap<MetricId, Record<Metric>>,
    projects: BTreeMap<ProjectId, Project>,
    keys_of: BTreeMap<EnvironmentId, BTreeSet<ApiKeyId>>,
}

impl Touched {
    /// Where the aggregate is kept in the stream.
    pub(super) fn subject(self) -> String {
        let (kind, id) = match self {
            Self::Environment(id) => (Environment::TYPE, id.0),
            Self::Flag(id) => (Flag::TYPE, id.0),
            Self::Segment(id) => (Segment::TYPE, id.0),
            Self::Key(id) => (ApiKey::TYPE, id.0),
            Self::Metric(id) => (Metric::TYPE, id.0),
        };
        format!("{OWN}{kind}.{id}")
    }

    fn at(kind: &str, id: uuid::Uuid) -> Option<Self> {
        match kind {
            Environment::TYPE => Some(Self::Environment(EnvironmentId(id))),
            Flag::TYPE => Some(Self::Flag(FlagId(id))),
            Segment::TYPE => Some(Self::Segment(SegmentId(id))),
            ApiKey::TYPE => Some(Self::Key(ApiKeyId(id))),
            Metric::TYPE => Some(Self::Metric(MetricId(id))),
            _ => None,
        }
    }

    /// The aggregate that is kept under a subject.
    pub(super) fn of_subject(subject: &str) -> Option<Self> {
        let (kind, id) = subject.strip_prefix(OWN)?.split_once('.')?;
        Self::at(kind, id.parse().ok()?)
    }
}

impl World {
    /// Takes what the stream keeps of an aggregate. False if it is of no shape this program knows, or parked: then
    /// everything must be built anew, perhaps this program understands what an earlier one did not.
    pub(super) fn restore(&mut self, which: Touched, bytes: &[u8]) -> Option<Position> {
        fn read<A: DeserializeOwned>(bytes: &[u8]) -> Option<Record<A>> {
            serde_json::from_slice(bytes).ok().filter(|record: &Record<A>| !record.parked)
        }
        let position = match which {
            Touched::Environment(id) => keep(&mut self.environments, id, read(bytes)?),
            Touched::Flag(id) => keep(&mut self.flags, id, read(bytes)?),
            Touched::Segment(id) => keep(&mut self.segments, id, read(bytes)?),
            Touched::Key(id) => keep(&mut self.keys, id, read(bytes)?),
            Touched::Metric(id) => keep(&mut self.metrics, id, read(bytes)?),
        };
        self.connect(which);
        Some(position)
    }

    /// Applies a commit. Answers which aggregate it was about, if it is one that edges depend on.
    pub(super) fn apply(&mut self, commit: &Recorded) -> Option<Touched> {
        let aggregate = &commit.commit.aggregate;
        let which = Touched::at(&aggregate.kind, aggregate.id)?;
        let advanced = match which {
            Touched::Environment(id) => {
                let record = self.environments.entry(id).or_default();
                record.organization = Some(OrganizationId(commit.commit.org));
                advance(record, commit)
            }
            Touched::Flag(id) => advance(self.flags.entry(id).or_default(), commit),
            Touched::Segment(id) => advance(self.segments.entry(id).or_default(), commit),
            Touched::Key(id) => advance(self.keys.entry(id).or_default(), commit),
            Touched::Metric(id) => advance(self.metrics.entry(id).or_default(), commit),
        };
        if let Err(error) = advanced {
            metrics::counter!("ff_edge_config_parked_total").increment(1);
            tracing::error!(
                error = &error as &dyn std::error::Error,
                position = %commit.position,
                aggregate.kind = %aggregate.kind,
                aggregate.id = %aggregate.id,
                "edges keep an older state of this aggregate: a commit cannot be understood"
            );
        }
        self.connect(which);
        Some(which)
    }

    /// What is to be kept of an aggregate in the stream.
    pub(super) fn stored(&self, which: Touched) -> Vec<u8> {
        fn write<A: Serialize>(record: Option<&Record<A>>) -> Vec<u8> {
            record.map_or_else(Vec::new, |record| {
                serde_json::to_vec(record).expect("an aggregate's state is plain JSON")
            })
        }
        match which {
            Touched::Environment(id) => write(self.environments.get(&id)),
            Touched::Flag(id) => write(self.flags.get(&id)),
            Touched::Segment(id) => write(self.segments.get(&id)),
            Touched::Key(id) => write(self.keys.get(&id)),
            Touched::Metric(id) => write(self.metrics.get(&id)),
        }
    }

    /// Every aggregate there is.
    pub(super) fn all(&self) -> BTreeSet<Touched> {
        let environments = self.environments.keys().copied().map(Touched::Environment);
        let flags = self.flags.keys().copied().map(Touched::Flag);
        let segments = self.segments.keys().copied().map(Touched::Segment);
        let keys = self.keys.keys().copied().map(Touched::Key);
        let metrics = self.metrics.keys().copied().map(Touched::Metric);
        environments.chain(flags).chain(segments).chain(keys).chain(metrics).collect()
    }

    /// An environment, if it is neither archived nor unknown.
    pub(super) fn live_environment(&self, id: EnvironmentId) -> Option<&EnvironmentState> {
        match &self.environments.get(&id)?.state {
            Environment::Live(state) => Some(state),
            Environment::Absent | Environment::Archived(_) => None,
        }
    }

    /// The organization that an environment belongs to.
    pub(super) fn organization_of(&self, id: EnvironmentId) -> Option<OrganizationId> {
        self.environments.get(&id)?.organization
    }

    pub(super) fn flag(&self, id: FlagId) -> Option<&Flag> {
        self.flags.get(&id).map(|record| &record.state)
    }

    pub(super) fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(&id).map(|record| &record.state)
    }

    pub(super) fn key(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.keys.get(&id).map(|record| &record.state)
    }

    pub(super) fn metric(&self, id: MetricId) -> Option<&Metric> {
        self.metrics.get(&id).map(|record| &record.state)
    }

    pub(super) fn project(&self, id: ProjectId) -> Option<&Project> {
        self.projects.get(&id)
    }

    pub(super) fn keys_of(&self, id: EnvironmentId) -> impl Iterator<Item = ApiKeyId> + '_ {
        self.keys_of.get(&id).into_iter().flatten().copied()
    }

    /// Notes where an aggregate belongs, which never changes.
    fn connect(&mut self, which: Touched) {
        match which {
            Touched::Environment(id) => {
                if let Some(state) = self.environments.get(&id).and_then(|r| r.state.state()) {
                    self.projects.entry(state.project).or_default().environments.insert(id);
                }
            }
            Touched::Flag(id) => {
                if let Some(state) = self.flags.get(&id).and_then(|record| record.state.state()) {
                    self.projects.entry(state.project).or_default().flags.insert(id);
                }
            }
            Touched::Segment(id) => {
                if let Some(state) = self.segments.get(&id).and_then(|r| r.state.state()) {
                    self.projects.entry(state.project).or_default().segments.insert(id);
                }
            }
            Touched::Metric(id) => {
                if let Some(state) = self.metric(id).and_then(Metric::state) {
                    self.projects.entry(state.project).or_default().metrics.insert(id);
                }
            }
            Touched::Key(id) => {
                if let Some(environment) = self.key(id).and_then(environment_of) {
                    self.keys_of.entry(environment).or_default().insert(id);
                }
            }
        }
    }
}

/// The environment that an SDK's key is for.
pub(super) fn environment_of(key: &ApiKey) -> Option<EnvironmentId> {
    let (ApiKey::Live(state) | ApiKey::Revoked(state)) = key else { return None };
    let ApiKeyState { organization, purpose, .. } = state;
    let scope = purpose.environment()?;
    Some(EnvironmentId::of(scope.project_id(*organization), &scope.environment))
}

fn keep<K: Ord, A>(records: &mut BTreeMap<K, Record<A>>, id: K, record: Record<A>) -> Position {
    let position = record.position;
    records.insert(id, record);
    position
}

fn advance<A: Aggregate>(record: &mut Record<A>, commit: &Recorded) -> Result<(), DecodeError> {
    // A state may be ahead of the checkpoint, after a crash in the middle of a large change.
    if record.parked || record.position >= commit.position {
        return Ok(());
    }
    let upcasters = upcasters();
    let events: Result<Vec<A::Event>, _> =
        commit.commit.events.iter().map(|event| decode(event, &upcasters)).collect();
    record.parked = events.is_err();
    record.position = commit.position;
    for event in events? {
        record.state.apply(event);
    }
    Ok(())
}
