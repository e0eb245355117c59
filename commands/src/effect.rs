//! What a command of one aggregate means for others.
//!
//! Effects are decided as commands of those others, on what the leader of the log says and with their turns held, and
//! committed with the events that caused them in one atomic batch. Each may have effects of its own: an experiment
//! makes its flag serve it, and the flag tells the project what it mentions now.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyId, Flag, FlagCommand, FlagId, Layer, LayerCommand, LayerId,
    Organization, OrganizationCommand, OrganizationId, Project, ProjectCommand, ProjectId,
};
use ff_eventlog::{Draft, EncodeError, EventLog, Freshness, Loaded, LogError};
use tokio::sync::OwnedMutexGuard;

use crate::{
    CommandError, CommandMeta, Executable, Surroundings, Target, drive::draft, executor::Shared,
};

/// What another aggregate must agree to.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A flag.
    Flag(FlagId, FlagCommand),
    /// A layer.
    Layer(LayerId, LayerCommand),
    /// A project.
    Project(ProjectId, ProjectCommand),
    /// A key.
    ApiKey(ApiKeyId, ApiKeyCommand),
    /// The organization.
    Organization(OrganizationId, OrganizationCommand),
}

/// Someone who can be asked for an effect. Turns are taken in this order, each after the asking aggregate's own, so
/// that nobody waits in a circle: an effect asks only those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A flag.
    Flag(FlagId),
    /// A layer.
    Layer(LayerId),
    /// A project.
    Project(ProjectId),
    /// A key.
    ApiKey(ApiKeyId),
    /// The organization.
    Organization(OrganizationId),
}

impl Effect {
    fn party(&self) -> Party {
        match self {
            Self::Flag(id, _) => Party::Flag(*id),
            Self::Layer(id, _) => Party::Layer(*id),
            Self::Project(id, _) => Party::Project(*id),
            Self::ApiKey(id, _) => Party::ApiKey(*id),
            Self::Organization(id, _) => Party::Organization(*id),
        }
    }
}

/// Why a plan is none.
pub(crate) enum Unplanned<A: Executable> {
    /// Someone has to be asked who has not been read: read all of these, and decide again.
    Missing(BTreeSet<Party>),
    /// Someone refused.
    Refused(CommandError<A>),
}

/// All that may be asked, as read before the decision, and what has been planned for each.
#[derive(Default)]
pub(crate) struct Parties {
    flags: BTreeMap<FlagId, Asked<Flag>>,
    layers: BTreeMap<LayerId, Asked<Layer>>,
    projects: BTreeMap<ProjectId, Asked<Project>>,
    api_keys: BTreeMap<ApiKeyId, Asked<ApiKey>>,
    organizations: BTreeMap<OrganizationId, Asked<Organization>>,
}

/// One of them, and the right to change it for a while.
struct Asked<A: Executable> {
    loaded: Arc<Loaded<A>>,
    /// As it will be.
    now: A,
    events: Vec<A::Event>,
    turn: OwnedMutexGuard<()>,
}

impl Parties {
    /// Reads all of them, one after the other in their order.
    pub(crate) async fn read<L: EventLog>(
        shared: &Shared<L>,
        org: OrganizationId,
        parties: &BTreeSet<Party>,
    ) -> Result<Self, LogError> {
        let mut read = Self::default();
        for party in parties {
            match *party {
                Party::Flag(id) => {
                    read.flags.insert(id, Asked::read(shared, org, id).await?);
                }
                Party::Layer(id) => {
                    read.layers.insert(id, Asked::read(shared, org, id).await?);
                }
                Party::Project(id) => {
                    read.projects.insert(id, Asked::read(shared, org, id).await?);
                }
                Party::ApiKey(id) => {
                    read.api_keys.insert(id, Asked::read(shared, org, id).await?);
                }
                Party::Organization(id) => {
                    read.organizations.insert(id, Asked::read(shared, org, id).await?);
                }
            }
        }
        Ok(read)
    }

    fn all(&self) -> BTreeSet<Party> {
        let flags = self.flags.keys().copied().map(Party::Flag);
        let layers = self.layers.keys().copied().map(Party::Layer);
        let projects = self.projects.keys().copied().map(Party::Project);
        let keys = self.api_keys.keys().copied().map(Party::ApiKey);
        let organizations = self.organizations.keys().copied().map(Party::Organization);
        flags.chain(layers).chain(projects).chain(keys).chain(organizations).collect()
    }

    /// Plans effects, and the effects of those.
    pub(crate) async fn plan<A: Executable, L: EventLog>(
        &mut self,
        effects: Vec<Effect>,
        around: &Surroundings<'_, L>,
    ) -> Result<Result<(), Unplanned<A>>, LogError> {
        let mut open = VecDeque::from(effects);
        while let Some(effect) = open.pop_front() {
            let party = effect.party();
            let answer = match effect {
                Effect::Flag(id, command) => match self.flags.get_mut(&id) {
                    Some(asked) => {
                        asked.plan(command, around).await?.map_err(CommandError::FlagRejected)
                    }
                    None => return Ok(Err(self.missing(party, &open))),
                },
                Effect::Layer(id, command) => match self.layers.get_mut(&id) {
                    Some(asked) => {
                        asked.plan(command, around).await?.map_err(CommandError::LayerRejected)
                    }
                    None => return Ok(Err(self.missing(party, &open))),
                },
                Effect::Project(id, command) => match self.projects.get_mut(&id) {
                    Some(asked) => {
                        asked.plan(command, around).await?.map_err(CommandError::ProjectRejected)
                    }
                    None => return Ok(Err(self.missing(party, &open))),
                },
                Effect::ApiKey(id, command) => match self.api_keys.get_mut(&id) {
                    Some(asked) => {
                        asked.plan(command, around).await?.map_err(CommandError::ApiKeyRejected)
                    }
                    None => return Ok(Err(self.missing(party, &open))),
                },
                Effect::Organization(id, command) => match self.organizations.get_mut(&id) {
                    Some(asked) => asked
                        .plan(command, around)
                        .await?
                        .map_err(CommandError::OrganizationRejected),
                    None => return Ok(Err(self.missing(party, &open))),
                },
            };
            match answer {
                Ok(further) => open.extend(further),
                Err(error) => return Ok(Err(Unplanned::Refused(error))),
            }
        }
        Ok(Ok(()))
    }

    fn missing<A: Executable>(&self, party: Party, open: &VecDeque<Effect>) -> Unplanned<A> {
        let mut all = self.all();
        all.insert(party);
        all.extend(open.iter().map(Effect::party));
        Unplanned::Missing(all)
    }

    /// A draft for each that changes, and the turns of all.
    pub(crate) fn drafts(
        self,
        org: OrganizationId,
        meta: &CommandMeta,
    ) -> Result<(Vec<Draft>, Vec<OwnedMutexGuard<()>>), EncodeError> {
        let (mut drafts, mut turns) = (Vec::new(), Vec::new());
        for (id, asked) in self.organizations {
            asked.draft(org, id, meta, &mut drafts, &mut turns)?;
        }
        for (id, asked) in self.api_keys {
            asked.draft(org, id, meta, &mut drafts, &mut turns)?;
        }
        for (id, asked) in self.projects {
            asked.draft(org, id, meta, &mut drafts, &mut turns)?;
        }
        for (id, asked) in self.layers {
            asked.draft(org, id, meta, &mut drafts, &mut turns)?;
        }
        for (id, asked) in self.flags {
            asked.draft(org, id, meta, &mut drafts, &mut turns)?;
        }
        Ok((drafts, turns))
    }
}

impl<A: Executable> Asked<A> {
    async fn read<L: EventLog>(
        shared: &Shared<L>,
        org: OrganizationId,
        id: A::Id,
    ) -> Result<Self, LogError> {
        let cell = shared.cell(Target::<A>::new(org, id));
        let turn = cell.turn().await;
        let loaded = shared.refresh(&cell, Freshness::Leader).await?;
        Ok(Self { now: loaded.aggregate.clone(), loaded, events: Vec::new(), turn })
    }

    /// Decides a command on what it will be by then; the answer is the effects of that.
    async fn plan<L: EventLog>(
        &mut self,
        command: A::Command,
        around: &Surroundings<'_, L>,
    ) -> Result<Result<Vec<Effect>, A::Error>, LogError> {
        let facts = self.now.facts(&command, around).await?;
        let events = match self.now.decide(command, &facts) {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        let mut after = self.now.clone();
        events.iter().cloned().for_each(|event| after.apply(event));
        let effects = self.now.effects(&after);
        self.now = after;
        self.events.extend(events);
        Ok(Ok(effects))
    }

    fn draft(
        self,
        org: OrganizationId,
        id: A::Id,
        meta: &CommandMeta,
        drafts: &mut Vec<Draft>,
        turns: &mut Vec<OwnedMutexGuard<()>>,
    ) -> Result<(), EncodeError> {
        if !self.events.is_empty() {
            drafts.push(draft::<A>(org, id, self.loaded.tip, meta, &self.events)?);
        }
        turns.push(self.turn);
        Ok(())
    }
}
