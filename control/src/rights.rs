//! Who may do what, in memory: a projection of the memberships, roles, service accounts and keys in the log.
//!
//! Every decision about rights is made from it, without a question to anybody. It follows the log by itself; a change
//! is in force some milliseconds after its commit, and whoever has made the change waits for that. When the log has
//! not been heard of for [`STALE`], nothing is decided at all: somebody may have been put out meanwhile.

mod follow;
mod organization;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use ff_auth::{Access, CasbinAuthorizer, Member};
use ff_commands::Position;
use ff_domain::{
    ApiKey, ApiKeyId, MembershipId, MembershipState, OrganizationId, OrganizationState, ProjectId,
    RoleKey, ServiceAccountId, ServiceAccountState, UserId,
};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::problem::{Problem, code};
pub(crate) use organization::Belongings;
use organization::Organization;

/// For how long what is known counts without a word from the log.
const STALE: Duration = Duration::from_secs(4);

/// Who may do what.
pub struct Rights {
    access: Arc<Access>,
    authorizer: CasbinAuthorizer,
    organizations: RwLock<HashMap<OrganizationId, Organization>>,
    heard: watch::Sender<Heard>,
}

/// What was last heard of the log.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// Everything up to there is in force.
    position: Position,
    /// When the log last said that there is nothing newer. Never, at first.
    at: Option<Instant>,
}

impl Default for Rights {
    fn default() -> Self {
        let access = Arc::new(Access::new());
        let heard = Heard { position: Position::ZERO, at: None };
        Self {
            authorizer: CasbinAuthorizer::new(access.clone()),
            access,
            organizations: RwLock::default(),
            heard: watch::Sender::new(heard),
        }
    }
}

impl Rights {
    /// The kinds of aggregates that rights follow from.
    pub(crate) const KINDS: &[&str] = organization::KINDS;

    /// Decides by what is known. Ask [`current`](Self::current) first.
    pub(crate) fn authorizer(&self) -> &CasbinAuthorizer {
        &self.authorizer
    }

    /// The last commit about rights that is in force.
    pub(crate) fn position(&self) -> Position {
        self.heard.borrow().position
    }

    /// Whether what is known is recent enough to decide by.
    pub(crate) fn current(&self) -> Result<(), Problem> {
        let recent = self.heard.borrow().at.is_some_and(|at| at.elapsed() <= STALE);
        if recent { Ok(()) } else { Err(unknown()) }
    }

    /// Waits until the log was heard of for the first time.
    ///
    /// # Errors
    /// 503 when it was not in time.
    pub async fn ready(&self, patience: Duration) -> Result<(), Problem> {
        let mut heard = self.heard.subscribe();
        let ready = heard.wait_for(|heard| heard.at.is_some());
        match timeout(patience, ready).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(unknown()),
        }
    }

    /// Waits until a commit is in force here. When it takes too long the caller may still be answered by what was
    /// before, for as long as the log is silent.
    pub(crate) async fn wait_for(&self, position: Position, patience: Duration) {
        let mut heard = self.heard.subscribe();
        let in_force = heard.wait_for(|heard| heard.position >= position);
        if timeout(patience, in_force).await.is_err() {
            tracing::warn!(%position, "a change of rights is committed and not yet in force here");
        }
    }

    /// A key of an organization.
    pub(crate) fn key(&self, organization: OrganizationId, id: ApiKeyId) -> Option<ApiKey> {
        self.with(organization, |found| found.key(id).cloned())
    }

    /// What a person is in an organization, if they belong to it.
    pub(crate) fn member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Option<MembershipState> {
        self.with(organization, |found| found.member(MembershipId::of(organization, user)).cloned())
    }

    /// Somebody's own tokens in an organization that let in.
    pub(crate) fn tokens_of(&self, organization: OrganizationId, user: UserId) -> Vec<ApiKeyId> {
        self.with(organization, |found| Some(found.tokens_of(user))).unwrap_or_default()
    }

    /// The projects in which, or in an environment of which, somebody has a role.
    pub(crate) fn projects_of(
        &self,
        organization: OrganizationId,
        member: Member,
    ) -> Vec<ProjectId> {
        self.with(organization, |found| Some(found.projects_of(organization, member)))
            .unwrap_or_default()
    }

    /// Who has roles that a connection to an identity provider stands for.
    pub(crate) fn members_through(
        &self,
        organization: OrganizationId,
        connection: Uuid,
    ) -> Vec<UserId> {
        self.with(organization, |found| Some(found.members_through(connection))).unwrap_or_default()
    }

    /// Whether a person belongs to an organization.
    pub(crate) fn is_member(&self, organization: OrganizationId, user: UserId) -> bool {
        let id = MembershipId::of(organization, user);
        self.with(organization, |found| found.member(id).map(drop)).is_some()
    }

    /// Whether a service account is in use.
    pub(crate) fn account_is_live(
        &self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> bool {
        self.with(organization, |found| Some(found.account_is_live(account))).unwrap_or(false)
    }

    /// A service account that is in use.
    pub(crate) fn account(
        &self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> Option<ServiceAccountState> {
        self.with(organization, |found| found.account(account).cloned())
    }

    /// How many members and service accounts have a role.
    pub(crate) fn holders(&self, organization: OrganizationId, role: &RoleKey) -> usize {
        self.with(organization, |found| Some(found.holders(role))).unwrap_or(0)
    }

    /// What an organization sees of the security log: what is recorded as its own, and what its people did at the doors
    /// of the installation while they belonged to it.
    pub fn security_scope(&self, organization: OrganizationId) -> ff_security::Scope {
        let stays = self.with(organization, |found| Some(found.stays())).unwrap_or_default();
        ff_security::Scope::Organization { id: organization.0, stays }
    }

    /// An organization.
    pub(crate) fn organization(&self, id: OrganizationId) -> Option<OrganizationState> {
        self.with(id, |found| found.itself().cloned())
    }

    /// What a person has, in each organization where it is anything.
    pub(crate) fn belongings(&self, user: UserId) -> Vec<Belongings> {
        let all = self.organizations.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter_map(|found| found.belongings(user)).collect()
    }

    fn with<T>(
        &self,
        organization: OrganizationId,
        read: impl FnOnce(&Organization) -> Option<T>,
    ) -> Option<T> {
        let all = self.organizations.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&organization).and_then(read)
    }
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        code::RIGHTS_UNKNOWN,
        "who may do what is not known at the moment, since the event log cannot be heard: try again soon",
    )
    .retry_after(1)
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights").field("heard", &*self.heard.borrow()).finish_non_exhaustive()
    }
}
