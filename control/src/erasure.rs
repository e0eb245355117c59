//! Erasing a person: they belong to nothing any more, nothing of theirs lets in, and what is known of them is gone.
//!
//! What the log says stays as it is: it has their id, which says nothing from now on. Doing it again, also after it was
//! cut short, goes on where it was.

use ff_auth::{Authorizer as _, Permission, Principal, Scope, SystemAuthorizer};
use ff_commands::{
    Actor, ActorKind, Causation, CausationKind, CommandError, CommandMeta, Executable, Executor,
    Position, Target, Via,
};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyId, Membership, MembershipCommand, MembershipId,
    OrganizationError, OrganizationId, OrganizationKey, UserId,
};
use ff_eventlog::JetStreamLog;
use ff_identity::{IdentityError, People};
use jiff::Timestamp;
use uuid::Uuid;

use crate::Rights;

/// What knows something of a person.
#[derive(Debug, Clone, Copy)]
pub struct Erasure<'a> {
    /// Ends what they belong to.
    pub commands: &'a Executor<JetStreamLog>,
    /// Knows what that is. It must have caught up with the log.
    pub rights: &'a Rights,
    /// Names, e-mails, passwords and sessions.
    pub people: &'a People,
    /// Addresses.
    pub security_log: &'a ff_security::Log,
    /// Through what somebody asks for it.
    pub via: Via,
}

/// What was ended on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// The organizations they were a member of.
    pub organizations: Vec<OrganizationKey>,
    /// How many tokens were theirs and let in.
    pub tokens: usize,
    /// The last commit of that.
    pub position: Option<Position>,
}

/// Why somebody is not erased, or not yet wholly: then it has to be done again.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Somebody has to own each organization.
    #[error("{} would be left without an owner: make somebody else an owner first", named(.organizations))]
    LastOwner {
        /// Those that nobody else owns.
        organizations: Vec<OrganizationKey>,
    },
    /// A membership could not be ended.
    #[error("a membership could not be ended")]
    Membership(#[source] Box<CommandError<Membership>>),
    /// A token could not be revoked.
    #[error("a token could not be revoked")]
    Token(#[source] Box<CommandError<ApiKey>>),
    /// What is known of them could not be removed.
    #[error(transparent)]
    People(#[from] IdentityError),
    /// Their addresses could not be removed.
    #[error("addresses could not be removed from the security log")]
    SecurityLog(#[source] ff_security::LogError),
}

fn named(organizations: &[OrganizationKey]) -> String {
    organizations.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

impl Erasure<'_> {
    /// Whether this person can be erased.
    ///
    /// # Errors
    /// [`EraseError::LastOwner`].
    pub fn check(&self, user: Uuid) -> Result<(), EraseError> {
        let all = self.rights.belongings(UserId(user));
        let mut organizations: Vec<_> =
            all.into_iter().filter(|each| each.last_owner).map(|each| each.key).collect();
        organizations.sort_unstable();
        if organizations.is_empty() { Ok(()) } else { Err(EraseError::LastOwner { organizations }) }
    }

    /// Erases a person.
    ///
    /// # Errors
    /// [`EraseError`]; before anything was done in the case of [`EraseError::LastOwner`], unless somebody else stopped
    /// being an owner at that very moment.
    pub async fn erase(&self, user: Uuid, now: Timestamp) -> Result<Erased, EraseError> {
        self.check(user)?;
        let mut erased = Erased::default();
        let mut keys = Vec::new();
        let request = Uuid::now_v7();
        for found in self.rights.belongings(UserId(user)) {
            let organization = found.organization;
            if found.member {
                let id = MembershipId::of(organization, UserId(user));
                let target = Target::<Membership>::new(organization, id);
                let done = self.end(target, MembershipCommand::Revoke, request, now).await;
                let position = done.map_err(|error| last_owner(error, &found.key))?;
                erased.position = erased.position.max(Some(position));
                erased.organizations.push(found.key);
            }
            for id in &found.tokens {
                let position = self.end_token(organization, *id, request, now).await?;
                erased.position = erased.position.max(Some(position));
                erased.tokens += 1;
            }
            keys.extend(found.tokens.iter().chain(&found.ended_tokens).map(|id| id.0));
        }
        // The person goes last: until then they can ask for it again.
        self.security_log.erase(user, &keys).await.map_err(EraseError::SecurityLog)?;
        self.people.erase(user, now).await?;
        Ok(erased)
    }

    /// Revokes the tokens of somebody who is kept out, and says how many there were. What they belong to stays, for when
    /// they are let in again; the tokens do not come back.
    ///
    /// # Errors
    /// [`EraseError::Token`].
    pub async fn revoke_tokens(&self, user: Uuid, now: Timestamp) -> Result<usize, EraseError> {
        let request = Uuid::now_v7();
        let mut revoked = 0;
        for found in self.rights.belongings(UserId(user)) {
            for id in &found.tokens {
                self.end_token(found.organization, *id, request, now).await?;
                revoked += 1;
            }
        }
        Ok(revoked)
    }

    /// Revokes these tokens of somebody who is no member of the organization any more. They let in no longer since that
    /// moment; this makes everybody who reads of them see it.
    ///
    /// # Errors
    /// [`EraseError::Token`].
    pub(crate) async fn end_tokens(
        &self,
        organization: OrganizationId,
        tokens: &[ApiKeyId],
        now: Timestamp,
    ) -> Result<(), EraseError> {
        let request = Uuid::now_v7();
        for id in tokens {
            self.end_token(organization, *id, request, now).await?;
        }
        Ok(())
    }

    async fn end_token(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        request: Uuid,
        now: Timestamp,
    ) -> Result<Position, EraseError> {
        let target = Target::<ApiKey>::new(organization, id);
        let done = self.end(target, ApiKeyCommand::Revoke, request, now).await;
        done.map_err(|error| EraseError::Token(Box::new(error)))
    }

    /// Ends something in the name of the platform: that a person asked for it is what the log need not keep.
    async fn end<A: Executable>(
        &self,
        target: Target<A>,
        command: A::Command,
        request: Uuid,
        at: Timestamp,
    ) -> Result<Position, CommandError<A>> {
        let permission: Permission = A::permission(&command).ok_or(CommandError::NotGranted)?;
        let OrganizationId(organization) = target.org;
        let grant = SystemAuthorizer
            .authorize(&Principal::system(), permission, &Scope::organization(organization))
            .map_err(|_| CommandError::NotGranted)?;
        let meta = CommandMeta {
            command_id: Uuid::now_v7(),
            correlation_id: request,
            causation: Causation { kind: CausationKind::Command, id: "erasure".to_owned() },
            actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
            via: self.via,
            comment: Some("the person was erased, is kept out or is no member".to_owned()),
            at,
        };
        Ok(self.commands.execute(&grant, target, command, meta, None).await?.position)
    }
}

fn last_owner(error: CommandError<Membership>, key: &OrganizationKey) -> EraseError {
    match error {
        CommandError::OrganizationRejected(OrganizationError::LastOwner) => {
            EraseError::LastOwner { organizations: vec![key.clone()] }
        }
        error => EraseError::Membership(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_stay_is_told_where() {
        let organizations =
            ["acme", "other"].map(|key| OrganizationKey::parse(key).unwrap()).to_vec();
        let text = EraseError::LastOwner { organizations }.to_string();
        assert!(text.starts_with("`acme`, `other` would be left without an owner"), "{text}");
    }
}
