//! What is known of one organization's rights.

use std::collections::HashMap;

use cqrs_es::persist::EventUpcaster;
use cqrs_es::{Aggregate, DomainEvent};
use ff_auth::{Member, OrganizationPolicy, Permission, Place, RoleKey as AuthRoleKey, RoleName};
use ff_domain::{
    ApiKey, ApiKeyId, Membership, MembershipId, MembershipState, Organization as Known,
    OrganizationId, OrganizationKey, OrganizationState, ProjectId, RoleAssignment, RoleKey,
    ServiceAccount, ServiceAccountId, ServiceAccountState, UserId,
};
use ff_eventlog::{DecodeError, Recorded, decode};
use ff_security::Stay;
use jiff::Timestamp;
use uuid::Uuid;

/// The aggregates of an organization that say who may do what.
#[derive(Debug, Default)]
pub(super) struct Organization {
    itself: Known,
    members: HashMap<MembershipId, Membership>,
    /// Who belonged to it when, in the order in which they came.
    stays: Vec<Stay>,
    accounts: HashMap<ServiceAccountId, ServiceAccount>,
    keys: HashMap<ApiKeyId, ApiKey>,
}

/// What a person has in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belongings {
    pub(crate) organization: OrganizationId,
    pub(crate) key: OrganizationKey,
    /// Whether they are a member.
    pub(crate) member: bool,
    /// Whether they are its owner, and nobody else is.
    pub(crate) last_owner: bool,
    /// Their own tokens that were not revoked.
    pub(crate) tokens: Vec<ApiKeyId>,
    /// Those that were.
    pub(crate) ended_tokens: Vec<ApiKeyId>,
}

/// The kinds of aggregates that matter here.
pub(super) const KINDS: &[&str] =
    &[Known::TYPE, Membership::TYPE, ServiceAccount::TYPE, ApiKey::TYPE];

impl Organization {
    /// Applies a commit. What cannot be read leads to nothing: an aggregate that is not understood gives no rights.
    pub(super) fn apply(&mut self, recorded: &Recorded, upcasters: &[Box<dyn EventUpcaster>]) {
        let aggregate = &recorded.commit.aggregate;
        let applied = match aggregate.kind.as_str() {
            kind if kind == Known::TYPE => fold(&mut self.itself, recorded, upcasters),
            kind if kind == Membership::TYPE => {
                let id = MembershipId(aggregate.id);
                let before = self.member(id).map(|member| member.user);
                let applied = entry(&mut self.members, id, recorded, upcasters);
                let after = self.member(id).map(|member| member.user);
                self.note_stay(before, after, recorded.commit.at);
                applied
            }
            kind if kind == ServiceAccount::TYPE => {
                entry(&mut self.accounts, ServiceAccountId(aggregate.id), recorded, upcasters)
            }
            kind if kind == ApiKey::TYPE => {
                entry(&mut self.keys, ApiKeyId(aggregate.id), recorded, upcasters)
            }
            _ => Ok(()),
        };
        if applied.is_err() && aggregate.kind == Known::TYPE {
            self.itself = Known::default();
        }
        if let Err(error) = applied {
            let (position, kind) = (recorded.position, &aggregate.kind);
            tracing::error!(%position, %kind, %error, "a commit about rights cannot be read and gives none");
        }
    }

    /// Notes that somebody came, or went. With who goes their tokens go, and do not come back with them.
    fn note_stay(&mut self, before: Option<UserId>, after: Option<UserId>, at: Timestamp) {
        match (before, after) {
            (None, Some(UserId(person))) => self.stays.push(Stay { person, from: at, to: None }),
            (Some(UserId(person)), None) => {
                let open = |stay: &&mut Stay| stay.person == person && stay.to.is_none();
                if let Some(stay) = self.stays.iter_mut().rev().find(open) {
                    stay.to = Some(at);
                }
                for key in self.keys.values_mut() {
                    if let ApiKey::Live(state) = key
                        && state.is_of(UserId(person))
                    {
                        *key = ApiKey::Revoked(state.clone());
                    }
                }
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    /// Who belonged to it when.
    pub(super) fn stays(&self) -> Vec<Stay> {
        self.stays.clone()
    }

    /// The same as a policy to decide by.
    pub(super) fn policy(&self, id: OrganizationId) -> OrganizationPolicy {
        let mut policy = OrganizationPolicy::new(id.0);
        if let Known::Live(state) = &self.itself {
            for (key, role) in &state.roles {
                if let Ok(key) = AuthRoleKey::parse(key.as_str()) {
                    let names = role.permissions.iter();
                    let known = names.filter_map(|name| name.parse::<Permission>().ok());
                    policy = policy.with_role(key, known);
                }
            }
        }
        for member in self.members.values().filter_map(Membership::live) {
            let user = Member::User(member.user.0);
            policy = policy.with_member(user);
            for given in member.all_roles() {
                policy = with(policy, id, user, given);
            }
        }
        for account in self.accounts.values() {
            let ServiceAccount::Live(state) = account else { continue };
            for given in &state.roles {
                policy = with(policy, id, Member::ServiceAccount(state.id().0), given);
            }
        }
        policy
    }

    pub(super) fn key(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.keys.get(&id)
    }

    pub(super) fn member(&self, id: MembershipId) -> Option<&MembershipState> {
        self.members.get(&id).and_then(Membership::live)
    }

    pub(super) fn itself(&self) -> Option<&OrganizationState> {
        match &self.itself {
            Known::Live(state) => Some(state),
            Known::Absent => None,
        }
    }

    /// What a person has here; nothing of one who has nothing.
    pub(super) fn belongings(&self, user: UserId) -> Option<Belongings> {
        let state = self.itself()?;
        let id = state.id();
        let member = self.member(MembershipId::of(id, user));
        let mut belongings = Belongings {
            organization: id,
            key: state.key.clone(),
            member: member.is_some(),
            last_owner: member.is_some_and(MembershipState::is_owner)
                && !state.owners.iter().any(|owner| *owner != user),
            tokens: Vec::new(),
            ended_tokens: Vec::new(),
        };
        for (id, key) in &self.keys {
            match key {
                ApiKey::Live(key) if key.is_of(user) => belongings.tokens.push(*id),
                ApiKey::Revoked(key) if key.is_of(user) => belongings.ended_tokens.push(*id),
                ApiKey::Absent | ApiKey::Live(_) | ApiKey::Revoked(_) => {}
            }
        }
        let nothing = belongings.tokens.is_empty() && belongings.ended_tokens.is_empty();
        (belongings.member || !nothing).then_some(belongings)
    }

    /// Somebody's own tokens that let in, or would if they were a member.
    pub(super) fn tokens_of(&self, user: UserId) -> Vec<ApiKeyId> {
        let live =
            self.keys.iter().filter(|(_, key)| matches!(key, ApiKey::Live(key) if key.is_of(user)));
        live.map(|(id, _)| *id).collect()
    }

    pub(super) fn projects_of(&self, id: OrganizationId, member: Member) -> Vec<ProjectId> {
        let roles: Vec<&RoleAssignment> = match member {
            Member::User(user) => {
                let member = self.member(MembershipId::of(id, UserId(user)));
                member.into_iter().flat_map(MembershipState::all_roles).collect()
            }
            Member::ServiceAccount(account) => {
                let account = self.accounts.get(&ServiceAccountId(account));
                account.and_then(ServiceAccount::state).into_iter().flat_map(|s| &s.roles).collect()
            }
        };
        roles.into_iter().filter_map(|given| given.place(id).0).collect()
    }

    pub(super) fn members_through(&self, connection: Uuid) -> Vec<UserId> {
        let members = self.members.values().filter_map(Membership::live);
        let through = members.filter(|member| member.provider_roles.contains_key(&connection));
        through.map(|member| member.user).collect()
    }

    pub(super) fn account(&self, account: ServiceAccountId) -> Option<&ServiceAccountState> {
        match self.accounts.get(&account) {
            Some(ServiceAccount::Live(state)) => Some(state),
            _ => None,
        }
    }

    pub(super) fn account_is_live(&self, account: ServiceAccountId) -> bool {
        matches!(self.accounts.get(&account), Some(ServiceAccount::Live(_)))
    }

    pub(super) fn holders(&self, role: &RoleKey) -> usize {
        let has = |given: &RoleAssignment| given.role == *role;
        let members = self.members.values().filter_map(Membership::live);
        let members = members.filter(|member| member.all_roles().any(has)).count();
        let accounts = self.accounts.values().filter_map(ServiceAccount::state);
        members + accounts.filter(|account| account.roles.iter().any(has)).count()
    }
}

fn with(
    policy: OrganizationPolicy,
    organization: OrganizationId,
    member: Member,
    given: &RoleAssignment,
) -> OrganizationPolicy {
    let place = match given.place(organization) {
        (None, _) => Place::Organization,
        (Some(project), None) => Place::Project { project: project.0 },
        (Some(project), Some(environment)) => {
            Place::Environment { project: project.0, environment: environment.0 }
        }
    };
    policy.with(member, RoleName::named(given.role.as_str()), place)
}

fn entry<Id, A>(
    all: &mut HashMap<Id, A>,
    id: Id,
    recorded: &Recorded,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<(), DecodeError>
where
    Id: Copy + Eq + std::hash::Hash,
    A: Aggregate<Event: DomainEvent> + Default,
{
    let folded = fold(all.entry(id).or_default(), recorded, upcasters);
    if folded.is_err() {
        all.insert(id, A::default());
    }
    folded
}

fn fold<A: Aggregate<Event: DomainEvent>>(
    aggregate: &mut A,
    recorded: &Recorded,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<(), DecodeError> {
    for record in &recorded.commit.events {
        aggregate.apply(decode::<A::Event>(record, upcasters)?);
    }
    Ok(())
}
