//! What the platform does by itself to a membership, because an identity provider says so.

use ff_auth::{Authorizer as _, Principal, Scope, SystemAuthorizer};
use ff_commands::{
    Actor, ActorKind, Causation, CausationKind, CommandError, CommandMeta, Done, Executable as _,
    Target, Via,
};
use ff_domain::{Membership, MembershipCommand, MembershipId, OrganizationId, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::App;

/// Why something is done to a membership.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    /// The connection to the provider.
    pub(super) connection: Uuid,
    /// The request that led to it.
    pub(super) request: Uuid,
    /// What the audit log says about it.
    pub(super) why: &'static str,
}

/// Executes a command on somebody's membership in the name of the platform.
pub(super) async fn execute(
    app: &App,
    organization: OrganizationId,
    user: UserId,
    command: MembershipCommand,
    cause: Cause,
) -> Result<Done<Membership>, CommandError<Membership>> {
    let permission = Membership::permission(&command).ok_or(CommandError::NotGranted)?;
    let scope = Scope::organization(organization.0);
    let grant = SystemAuthorizer
        .authorize(&Principal::system(), permission, &scope)
        .map_err(|_| CommandError::NotGranted)?;
    let meta = CommandMeta {
        command_id: Uuid::now_v7(),
        correlation_id: cause.request,
        causation: Causation { kind: CausationKind::Command, id: cause.connection.to_string() },
        actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
        via: Via::Api,
        comment: Some(cause.why.to_owned()),
        at: Timestamp::now(),
    };
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    app.commands.execute(&grant, target, command, meta, None).await
}
