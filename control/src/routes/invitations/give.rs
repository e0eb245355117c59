//! Giving what an invitation has promised, in the name of whoever invited.

use axum::http::StatusCode;
use ff_auth::{PrincipalKind, Scope};
use ff_commands::{
    Actor, ActorKind, Causation, CausationKind, CommandError, CommandMeta, Demand, Position,
    Target, Via,
};
use ff_domain::{
    Membership, MembershipCommand, MembershipId, OrganizationId, OrganizationKey, UserId,
};
use ff_identity::Accepted;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::promised;
use crate::App;
use crate::problem::{Problem, code};

/// What came of it.
pub(super) struct Given {
    /// The organization.
    pub(super) organization: OrganizationKey,
    /// Whether they were no member before.
    pub(super) added: bool,
    /// The last commit.
    pub(super) position: Position,
}

/// Gives the roles. Doing it again after it was cut short goes on where it was.
pub(super) async fn give(app: &App, accepted: &Accepted, now: Timestamp) -> Result<Given, Problem> {
    let (organization, user) = (OrganizationId(accepted.organization), UserId(accepted.user));
    let known = app.doorkeeper.rights().organization(organization).ok_or_else(broken)?;
    // Who was kept out since then has nothing to give any more. A key is no person, and checked by its rights.
    let inviter = app.people.find(accepted.invited_by).await?;
    if inviter.is_some_and(|inviter| inviter.disabled || inviter.erased) {
        return Err(broken());
    }
    let roles = promised(accepted.roles.clone())?;
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    let (membership, _, position) = app.commands.load(target.org, target.id).await?;
    let added = Membership::live(&membership).is_none();
    let commands = if added {
        vec![MembershipCommand::Grant { organization, user, roles }]
    } else {
        roles.into_iter().map(MembershipCommand::GiveRole).collect()
    };
    let mut position = position.unwrap_or_default();
    for (index, command) in commands.into_iter().enumerate() {
        let done = give_one(app, accepted, target, command, index, now).await?;
        app.in_force(&done).await;
        position = position.max(done.position);
    }
    Ok(Given { organization: known.key, added, position })
}

async fn give_one(
    app: &App,
    accepted: &Accepted,
    target: Target<Membership>,
    command: MembershipCommand,
    index: usize,
    now: Timestamp,
) -> Result<ff_commands::Done<Membership>, Problem> {
    let Demand { permission, place, gifts } = app.commands.demand(target, &command).await?;
    let around = Scope::organization(target.org.0);
    let scope = place.map_or(around, |place| place.scope(target.org));
    let allowed = app.doorkeeper.allow_absent(accepted.invited_by, permission, scope, gifts)?;
    let grant = allowed.map_err(|denied| {
        tracing::info!(reason = %denied, "an invitation promised what its sender does not have");
        broken()
    })?;
    let actor = match grant.principal().kind {
        PrincipalKind::ApiKey { key_id } => Actor { kind: ActorKind::ApiKey, id: key_id },
        PrincipalKind::User { user_id } => Actor { kind: ActorKind::User, id: user_id },
        PrincipalKind::System => return Err(broken()),
    };
    let invitation = accepted.invitation;
    let meta = CommandMeta {
        command_id: command_id(invitation, index),
        correlation_id: invitation,
        causation: Causation { kind: CausationKind::Command, id: invitation.to_string() },
        actor,
        via: Via::Api,
        comment: Some("an invitation was accepted".to_owned()),
        at: now,
    };
    match app.commands.execute(&grant, target, command, meta, None).await {
        Ok(done) => Ok(done),
        Err(CommandError::Rejected(_) | CommandError::GivesOther) => Err(broken()),
        Err(error) => Err(error.into()),
    }
}

/// The same for the same step of the same invitation, so that one whose answer was lost is not done twice.
fn command_id(invitation: Uuid, index: usize) -> Uuid {
    let digest = Sha256::new()
        .chain_update(b"ff invitation\0")
        .chain_update(invitation.as_bytes())
        .chain_update(index.to_be_bytes())
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    Uuid::new_v8(id)
}

/// What was promised cannot be given.
fn broken() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        code::PROMISE_BROKEN,
        "what the invitation promised cannot be given any more: ask for another invitation",
    )
}
