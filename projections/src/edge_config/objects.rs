//! The bytes of each object of an environment's config.

use ff_domain::{
    ApiKey, ApiKeyId, EnvironmentId, EnvironmentState, Flag, FlagId, Metric, MetricId, Segment,
    SegmentId, api_key::KeyPurpose,
};
use ff_evaluator::wire::{KeyKind, KeyObject, MetricObject, ObjectKind, SettingsObject};
use serde::Serialize;

use super::world::{World, environment_of};

/// Names an object in its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectName {
    Flag(FlagId),
    Segment(SegmentId),
    Key(ApiKeyId),
    Settings,
    Metric(MetricId),
}

impl ObjectName {
    pub(super) fn kind(self) -> ObjectKind {
        match self {
            Self::Flag(_) => ObjectKind::Flag,
            Self::Segment(_) => ObjectKind::Segment,
            Self::Key(_) => ObjectKind::Key,
            Self::Settings => ObjectKind::Settings,
            Self::Metric(_) => ObjectKind::Metric,
        }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Flag(id) => id.to_string(),
            Self::Segment(id) => id.to_string(),
            Self::Key(id) => id.to_string(),
            Self::Settings => "environment".to_owned(),
            Self::Metric(id) => id.to_string(),
        }
    }

    /// Reads the rest of a subject behind the environment.
    pub(super) fn parse(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "flag" => name.parse().ok().map(Self::Flag),
            "segment" => name.parse().ok().map(Self::Segment),
            "key" => name.parse().ok().map(Self::Key),
            "metric" => name.parse().ok().map(Self::Metric),
            "settings" if name == "environment" => Some(Self::Settings),
            _ => None,
        }
    }

    /// The object's bytes as edges shall have them, `None` if they shall not have it.
    pub(super) fn bytes(self, world: &World, environment: EnvironmentId) -> Option<Vec<u8>> {
        let live = world.live_environment(environment)?;
        match self {
            Self::Settings => Some(json(&SettingsObject {
                salt: live.salt.clone(),
                organization: world.organization_of(environment).map(|id| id.to_string()),
                project: Some(live.project.to_string()),
            })),
            Self::Flag(id) => flag(world.flag(id)?, live),
            Self::Segment(id) => segment(world.segment(id)?, live),
            Self::Key(id) => key(id, world.key(id)?, environment),
            Self::Metric(id) => metric(world.metric(id)?, live),
        }
    }
}

fn flag(flag: &Flag, environment: &EnvironmentState) -> Option<Vec<u8>> {
    match flag {
        Flag::Live(state) if state.project == environment.project => {
            Some(json(&state.definition(&environment.key)))
        }
        _ => None,
    }
}

fn segment(segment: &Segment, environment: &EnvironmentState) -> Option<Vec<u8>> {
    match segment {
        Segment::Live(state) if state.project == environment.project => {
            Some(json(&state.definition()))
        }
        _ => None,
    }
}

fn metric(metric: &Metric, environment: &EnvironmentState) -> Option<Vec<u8>> {
    match metric {
        Metric::Live(state) if state.project == environment.project => Some(json(&MetricObject {
            key: state.key.to_string(),
            events: state.definition.events().into_iter().map(str::to_owned).collect(),
        })),
        _ => None,
    }
}

fn key(id: ApiKeyId, key: &ApiKey, environment: EnvironmentId) -> Option<Vec<u8>> {
    let ApiKey::Live(state) = key else { return None };
    let kind = match state.purpose {
        KeyPurpose::SdkServer(_) => KeyKind::Server,
        KeyPurpose::SdkClient(_) => KeyKind::Client,
        KeyPurpose::ApiToken(_)
        | KeyPurpose::PersonalToken { .. }
        | KeyPurpose::ServiceAccount { .. } => return None,
    };
    (environment_of(key) == Some(environment)).then(|| {
        json(&KeyObject {
            id: id.to_string(),
            hash: state.hash.clone(),
            kind,
            expires_at: state.expires_at,
        })
    })
}

fn json<T: Serialize>(object: &T) -> Vec<u8> {
    serde_json::to_vec(object).expect("a config object is plain JSON")
}
