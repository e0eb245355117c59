//! Deciding a command on an aggregate, and on its project where the project has a say.

use ff_auth::Grant;
use ff_domain::{Decision as _, Project, ProjectId};
use ff_eventlog::{Draft, EncodeError, EventLog, Freshness, Loaded, LogError};
use tokio::sync::OwnedMutexGuard;

use crate::{
    CommandError, CommandMeta, Executable, Surroundings, Target,
    drive::{Attempt, Change, Verdict, draft},
    executor::Shared,
};

/// A command for one aggregate.
pub(crate) struct Ordinary<'a, A: Executable> {
    pub(crate) grant: &'a Grant,
    pub(crate) target: Target<A>,
    pub(crate) command: &'a A::Command,
    pub(crate) meta: &'a CommandMeta,
}

/// A project that has a say, and the right to change it for a while.
struct Asked {
    id: ProjectId,
    loaded: std::sync::Arc<Loaded<Project>>,
    turn: OwnedMutexGuard<()>,
}

impl<A: Executable> Attempt<A> for Ordinary<'_, A> {
    async fn decide<L: EventLog>(
        &self,
        shared: &Shared<L>,
        loaded: &Loaded<A>,
    ) -> Result<Verdict<A>, LogError> {
        let before = &loaded.aggregate;
        if before.place(self.command).is_some_and(|place| !place.is_in(self.grant.scope())) {
            return Ok(Verdict::Refused(CommandError::NotGranted));
        }
        let around = Surroundings::new(shared, self.target.org, self.meta.at);
        if let Some(parent) = A::parent(self.command)
            && !around.has(parent).await?
        {
            return Ok(Verdict::Refused(CommandError::ParentNotFound { parent }));
        }
        // The project is read before the facts. What others take away from the facts meanwhile is a commit of the
        // project too, and makes the append a conflict; read the other way round, it would go unnoticed.
        let mut project = match before.project_hint(self.command) {
            Some(id) => Some(self.ask(shared, id).await?),
            None => None,
        };
        loop {
            let facts = before.facts(self.command, &around).await?;
            let events = match before.decide(self.command.clone(), &facts) {
                Ok(events) if events.is_empty() => return Ok(Verdict::Unchanged),
                Ok(events) => events,
                Err(error) => return Ok(Verdict::Refused(CommandError::Rejected(error))),
            };
            let mut after = before.clone();
            events.iter().cloned().for_each(|event| after.apply(event));
            let effect = before.project_effect(&after);
            match (&project, &effect) {
                (None, Some((id, _))) => project = Some(self.ask(shared, *id).await?),
                _ => return Ok(self.change(loaded, after, &events, project, effect)),
            }
        }
    }
}

impl<A: Executable> Ordinary<'_, A> {
    async fn ask<L: EventLog>(&self, shared: &Shared<L>, id: ProjectId) -> Result<Asked, LogError> {
        let cell = shared.cell(Target::<Project>::new(self.target.org, id));
        // Taken after the aggregate's own turn and never the other way round, so that nobody waits in a circle.
        let turn = cell.turn().await;
        let loaded = shared.refresh(&cell, Freshness::Leader).await?;
        Ok(Asked { id, loaded, turn })
    }

    fn change(
        &self,
        loaded: &Loaded<A>,
        after: A,
        events: &[A::Event],
        project: Option<Asked>,
        effect: Option<(ProjectId, ff_domain::ProjectCommand)>,
    ) -> Verdict<A> {
        let mut drafts = Vec::with_capacity(2);
        let mut project_turn = None;
        if let (Some(Asked { id, loaded, turn }), Some((_, command))) = (project, effect) {
            match loaded.aggregate.decide(command, &()) {
                Err(error) => return Verdict::Refused(CommandError::ProjectRejected(error)),
                Ok(events) if events.is_empty() => {}
                Ok(events) => match self.draft::<Project>(id, &loaded, &events) {
                    Ok(draft) => drafts.push(draft),
                    Err(error) => return Verdict::Refused(CommandError::Encode(error)),
                },
            }
            project_turn = Some(turn);
        }
        match self.draft::<A>(self.target.id, loaded, events) {
            Ok(draft) => drafts.push(draft),
            Err(error) => return Verdict::Refused(CommandError::Encode(error)),
        }
        Verdict::Change(Change { after, own: drafts.len() - 1, drafts, project_turn })
    }

    fn draft<B: Executable>(
        &self,
        id: B::Id,
        loaded: &Loaded<B>,
        events: &[B::Event],
    ) -> Result<Draft, EncodeError> {
        draft::<B>(self.target.org, id, loaded.tip, self.meta, events)
    }
}
