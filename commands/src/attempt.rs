//! Deciding a command on an aggregate, and on those that have a say in it.

use std::collections::BTreeSet;

use ff_auth::Grant;
use ff_eventlog::{EventLog, Loaded, LogError};

use crate::{
    CommandError, CommandMeta, Executable, Surroundings, Target,
    drive::{Attempt, Change, Verdict, draft},
    effect::{Parties, Unplanned},
    executor::Shared,
};

/// A command for one aggregate.
pub(crate) struct Ordinary<'a, A: Executable> {
    pub(crate) grant: &'a Grant,
    pub(crate) target: Target<A>,
    pub(crate) command: &'a A::Command,
    pub(crate) meta: &'a CommandMeta,
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
        if !self.grant.gives(&before.gifts(self.target.org, self.command)) {
            return Ok(Verdict::Refused(CommandError::GivesOther));
        }
        let around = Surroundings::new(shared, self.target.org, self.meta.at);
        if let Some(parent) = A::parent(self.command)
            && !around.has(parent).await?
        {
            return Ok(Verdict::Refused(CommandError::ParentNotFound { parent }));
        }
        // Whoever has a say is read before the facts. What others take away from the facts meanwhile is a commit of
        // the project, the flag or the layer too, and makes the append a conflict; read the other way round, it would
        // go unnoticed.
        let mut needed: BTreeSet<_> = before.hints(self.command).into_iter().collect();
        loop {
            let mut parties = Parties::read(shared, self.target.org, &needed).await?;
            let facts = before.facts(self.command, &around).await?;
            let events = match before.decide(self.command.clone(), &facts) {
                Ok(events) if events.is_empty() => return Ok(Verdict::Unchanged),
                Ok(events) => events,
                Err(error) => return Ok(Verdict::Refused(CommandError::Rejected(error))),
            };
            let mut after = before.clone();
            events.iter().cloned().for_each(|event| after.apply(event));
            match parties.plan(before.effects(&after), &around).await? {
                Ok(()) => return Ok(self.change(loaded, after, &events, parties)),
                Err(Unplanned::Refused(error)) => return Ok(Verdict::Refused(error)),
                // All turns are given back before more are taken, so that they are always taken in one order. There
                // are ever more of them, and of what an aggregate can reach there is an end.
                Err(Unplanned::Missing(more)) => needed = more,
            }
        }
    }
}

impl<A: Executable> Ordinary<'_, A> {
    fn change(
        &self,
        loaded: &Loaded<A>,
        after: A,
        events: &[A::Event],
        parties: Parties,
    ) -> Verdict<A> {
        let Target { org, id } = self.target;
        let drafts = parties.drafts(org, self.meta).and_then(|(mut drafts, turns)| {
            // The own commit is the last of the batch: its position is the answer, also when the command is repeated
            // and only this commit is at hand.
            drafts.push(draft::<A>(org, id, loaded.tip, self.meta, events)?);
            Ok((drafts, turns))
        });
        match drafts {
            Ok((drafts, turns)) => {
                Verdict::Change(Change { after, own: drafts.len() - 1, drafts, turns })
            }
            Err(error) => Verdict::Refused(CommandError::Encode(error)),
        }
    }
}
