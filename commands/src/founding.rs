//! Founding an organization: it and the membership of its first owner are one change, so that no organization is
//! ever without someone who may do something in it.

use cqrs_es::Aggregate as _;
use ff_domain::{
    Decision as _, Membership, MembershipCommand, MembershipId, Organization, OrganizationCommand,
    OrganizationEvent, OrganizationId, OrganizationKey, RoleAssignment, RoleKey, UserId,
    organization::OrganizationFacts,
    role::{OWNER, RoleFacts},
};
use ff_eventlog::{Draft, EncodeError, EventLog, Freshness, Loaded, LogError};

use crate::{
    CommandError, CommandMeta, Done, Target,
    drive::{Attempt, Change, Verdict, draft},
    executor::Shared,
};

/// A new organization with its owner.
pub(crate) struct Founding<'a> {
    pub(crate) org: OrganizationId,
    pub(crate) key: OrganizationKey,
    pub(crate) name: String,
    pub(crate) owner: UserId,
    pub(crate) meta: &'a CommandMeta,
}

impl Attempt<Organization> for Founding<'_> {
    async fn decide<L: EventLog>(
        &self,
        shared: &Shared<L>,
        loaded: &Loaded<Organization>,
    ) -> Result<Verdict<Organization>, LogError> {
        let command =
            OrganizationCommand::Create { key: self.key.clone(), name: self.name.clone() };
        let mut events = match loaded.aggregate.decide(command, &OrganizationFacts::default()) {
            Ok(events) => events,
            Err(error) => return Ok(Verdict::Refused(CommandError::Rejected(error))),
        };
        events.push(OrganizationEvent::OwnerAdded { user: self.owner });
        let membership = self.membership(shared).await?;
        let mut after = loaded.aggregate.clone();
        events.iter().cloned().for_each(|event| after.apply(event));
        Ok(match self.drafts(loaded, &events, &membership) {
            Ok(drafts) => Verdict::Change(Change { after, drafts, own: 0, turns: Vec::new() }),
            Err(error) => Verdict::Refused(CommandError::Encode(error)),
        })
    }
}

impl Founding<'_> {
    /// The answer of the first time names the last commit of the batch, and so does the answer to its repetition.
    pub(crate) async fn whole<L: EventLog>(
        &self,
        shared: &Shared<L>,
        mut done: Done<Organization>,
    ) -> Result<Done<Organization>, LogError> {
        if done.repeated {
            let membership = self.membership(shared).await?;
            if let Some(first) = membership.commands.get(&self.meta.command_id) {
                done.position = done.position.max(first.position);
            }
        }
        Ok(done)
    }

    async fn membership<L: EventLog>(
        &self,
        shared: &Shared<L>,
    ) -> Result<std::sync::Arc<Loaded<Membership>>, LogError> {
        let id = MembershipId::of(self.org, self.owner);
        let cell = shared.cell(Target::<Membership>::new(self.org, id));
        shared.refresh(&cell, Freshness::Leader).await
    }

    fn drafts(
        &self,
        organization: &Loaded<Organization>,
        founded: &[OrganizationEvent],
        membership: &Loaded<Membership>,
    ) -> Result<Vec<Draft>, EncodeError> {
        let id = MembershipId::of(self.org, self.owner);
        let owner = RoleKey::parse(OWNER).expect("it is a key");
        let grant = MembershipCommand::Grant {
            organization: self.org,
            user: self.owner,
            roles: [RoleAssignment::everywhere(owner)].into(),
        };
        let mut drafts =
            vec![draft::<Organization>(self.org, self.org, organization.tip, self.meta, founded)?];
        // Whoever is a member already needs no other membership.
        if let Ok(granted) = membership.aggregate.decide(grant, &RoleFacts::default()) {
            drafts.push(draft::<Membership>(self.org, id, membership.tip, self.meta, &granted)?);
        }
        Ok(drafts)
    }
}
