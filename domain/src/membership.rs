//! A membership: that a person belongs to an organization, and what they may do there.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{Decision, MembershipId, OrganizationId, UserId, aggregate};

/// A membership's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Membership {
    /// The person does not belong to the organization.
    #[default]
    Absent,
    /// The person does.
    Live(MembershipState),
}

/// What a membership is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembershipState {
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// What they may do.
    pub role: MemberRole,
}

/// What a person may do in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Everything.
    Owner,
}

impl MembershipState {
    /// Its id.
    pub fn id(&self) -> MembershipId {
        MembershipId::of(self.organization, self.user)
    }
}

/// What can be asked of a membership.
#[derive(Debug, Clone, PartialEq)]
pub enum MembershipCommand {
    /// Let a person in.
    Grant(MembershipState),
}

/// What happened to a membership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum MembershipEvent {
    /// A person was let in.
    #[serde(rename = "membership.granted")]
    Granted(MembershipState),
}

impl DomainEvent for MembershipEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Granted(_) => "membership.granted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a membership's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MembershipError {
    /// The person is a member.
    #[error("this person is a member of the organization already")]
    AlreadyMember,
}

impl MembershipError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyMember => "FF-1140",
        }
    }
}

impl Decision for Membership {
    fn decide(
        &self,
        command: MembershipCommand,
        _: &(),
    ) -> Result<Vec<MembershipEvent>, MembershipError> {
        match (self, command) {
            (Self::Absent, MembershipCommand::Grant(state)) => {
                Ok(vec![MembershipEvent::Granted(state)])
            }
            (Self::Live(_), MembershipCommand::Grant(_)) => Err(MembershipError::AlreadyMember),
        }
    }
}

impl Aggregate for Membership {
    const TYPE: &'static str = "membership";
    type Command = MembershipCommand;
    type Event = MembershipEvent;
    type Error = MembershipError;
    type Services = ();

    async fn handle(
        &mut self,
        command: MembershipCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MembershipError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: MembershipEvent) {
        if let (Self::Absent, MembershipEvent::Granted(state)) = (&*self, event) {
            *self = Self::Live(state);
        }
    }
}
