//! What is published already, and what must be published so that it equals what the log says.

use std::collections::{BTreeMap, BTreeSet};

use ff_domain::{EnvironmentId, Flag, Metric, ProjectId, Segment};
use ff_evaluator::wire::{ConfigHash, Head, head_subject, object_subject};
use ff_eventlog::Position;

use super::objects::ObjectName;
use super::stream::{CONFIG, Message};
use super::world::{Touched, World, environment_of};

/// The objects of every environment that are in the stream.
#[derive(Debug, Default)]
pub(super) struct Index {
    environments: BTreeMap<EnvironmentId, Published>,
}

#[derive(Debug, Default)]
struct Published {
    hash: ConfigHash,
    names: BTreeSet<ObjectName>,
    /// The head was not in the stream, or not of these objects, or is not yet of the whole command.
    head_stale: bool,
}

/// What a change comes to.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) objects: Vec<Message>,
    pub(super) heads: Vec<Message>,
    /// The environments of these heads.
    pub(super) moved: Vec<EnvironmentId>,
}

impl Index {
    /// Notes an object or a head found in the stream. All objects must be noted before [`Index::check_heads`].
    pub(super) fn note(&mut self, subject: &str, bytes: &[u8]) {
        let Some((environment, rest)) =
            subject.strip_prefix(CONFIG).and_then(|rest| rest.split_once('.'))
        else {
            return;
        };
        let (Ok(environment), Some((kind, name))) = (environment.parse(), rest.split_once('.'))
        else {
            return;
        };
        if let Some(object) = ObjectName::parse(kind, name)
            && !bytes.is_empty()
        {
            let published = self.environments.entry(environment).or_default();
            published.hash.put(object.kind(), name, bytes);
            published.names.insert(object);
        }
    }

    /// Finds the environments whose head is not of their objects: a large change was interrupted.
    pub(super) fn check_heads<'b>(&mut self, head_of: impl Fn(&str) -> Option<&'b [u8]>) {
        for (id, published) in &mut self.environments {
            let head = head_of(&head_subject(&id.to_string()))
                .and_then(|bytes| serde_json::from_slice::<Head>(bytes).ok());
            published.head_stale = head.is_none_or(|head| head.hash != published.hash.hex());
        }
    }

    /// Makes the heads of these environments come to the position of what is published next.
    pub(super) fn renew_heads(&mut self, environments: &[EnvironmentId]) {
        for environment in environments {
            if let Some(published) = self.environments.get_mut(environment) {
                published.head_stale = true;
            }
        }
    }

    /// The environments that are in the stream.
    pub(super) fn environments(&self) -> BTreeSet<Touched> {
        self.environments.keys().copied().map(Touched::Environment).collect()
    }

    /// What must be published for the touched aggregates, noted as if it were published.
    pub(super) fn changes(
        &mut self,
        world: &World,
        touched: &BTreeSet<Touched>,
        position: Position,
        largest: usize,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut changed = BTreeSet::new();
        for (environment, object) in self.affected(world, touched) {
            let published = self.environments.entry(environment).or_default();
            if let Some(message) = published.change(world, environment, object, largest) {
                changes.objects.push(message);
                changed.insert(environment);
            }
        }
        for (environment, published) in &mut self.environments {
            if std::mem::take(&mut published.head_stale) || changed.contains(environment) {
                let head = Head { position: position.to_string(), hash: published.hash.hex() };
                let payload = serde_json::to_vec(&head).expect("a head is plain JSON");
                changes.moved.push(*environment);
                changes.heads.push(Message {
                    subject: head_subject(&environment.to_string()),
                    payload: payload.into(),
                });
            }
        }
        changes
    }

    /// The objects that the touched aggregates may have changed.
    fn affected(
        &self,
        world: &World,
        touched: &BTreeSet<Touched>,
    ) -> BTreeSet<(EnvironmentId, ObjectName)> {
        let mut affected = BTreeSet::new();
        for which in touched {
            match *which {
                Touched::Environment(id) => {
                    affected.extend(world_of(world, id).map(|object| (id, object)));
                    if let Some(published) = self.environments.get(&id) {
                        affected.extend(published.names.iter().map(|object| (id, *object)));
                    }
                }
                Touched::Flag(id) => {
                    let project = world.flag(id).and_then(Flag::state).map(|state| state.project);
                    affected.extend(everywhere(world, project, ObjectName::Flag(id)));
                }
                Touched::Segment(id) => {
                    let project = world.segment(id).and_then(Segment::state).map(|s| s.project);
                    affected.extend(everywhere(world, project, ObjectName::Segment(id)));
                }
                Touched::Metric(id) => {
                    let project = world.metric(id).and_then(Metric::state).map(|s| s.project);
                    affected.extend(everywhere(world, project, ObjectName::Metric(id)));
                }
                Touched::Key(id) => {
                    let environment = world.key(id).and_then(environment_of);
                    affected.extend(environment.map(|each| (each, ObjectName::Key(id))));
                }
            }
        }
        affected
    }
}

/// An object in every environment of a project.
fn everywhere(
    world: &World,
    project: Option<ProjectId>,
    object: ObjectName,
) -> impl Iterator<Item = (EnvironmentId, ObjectName)> + '_ {
    let project = project.and_then(|id| world.project(id));
    let environments = project.into_iter().flat_map(|project| project.environments.iter());
    environments.map(move |environment| (*environment, object))
}

/// Everything that an environment may consist of.
fn world_of(world: &World, id: EnvironmentId) -> impl Iterator<Item = ObjectName> + '_ {
    let project = world.live_environment(id).and_then(|state| world.project(state.project));
    let flags = project.into_iter().flat_map(|p| p.flags.iter().copied().map(ObjectName::Flag));
    let segments =
        project.into_iter().flat_map(|p| p.segments.iter().copied().map(ObjectName::Segment));
    let metrics =
        project.into_iter().flat_map(|p| p.metrics.iter().copied().map(ObjectName::Metric));
    let keys = world.keys_of(id).map(ObjectName::Key);
    flags.chain(segments).chain(metrics).chain(keys).chain([ObjectName::Settings])
}

impl Published {
    fn change(
        &mut self,
        world: &World,
        environment: EnvironmentId,
        object: ObjectName,
        largest: usize,
    ) -> Option<Message> {
        let (kind, name) = (object.kind(), object.name());
        let subject = || object_subject(&environment.to_string(), kind, &name);
        let Some(bytes) = object.bytes(world, environment) else {
            return self.names.remove(&object).then(|| {
                self.hash.remove(kind, &name);
                Message { subject: subject(), payload: bytes::Bytes::new() }
            });
        };
        if self.hash.holds(kind, &name, &bytes) {
            return None;
        }
        if bytes.len() > largest {
            metrics::counter!("ff_edge_config_too_large_total").increment(1);
            tracing::error!(
                object.bytes = bytes.len(),
                limit.bytes = largest,
                subject = subject(),
                "edges keep the former state of this object: it is larger than NATS takes"
            );
            return None;
        }
        self.hash.put(kind, &name, &bytes);
        self.names.insert(object);
        Some(Message { subject: subject(), payload: bytes.into() })
    }
}
