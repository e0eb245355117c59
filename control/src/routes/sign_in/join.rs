//! Who somebody is here whom a provider has vouched for, and what they may do from now on.
//!
//! Roles that the provider stands for are replaced at each sign-in, so that who left a group loses what came with it.
//! What people have given stays. Somebody who would have no role at all is not let in, and leaves no trace but for a
//! record in the security log.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use ff_commands::{CommandError, Target};
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipId, MembershipState,
    OrganizationError, OrganizationId, RoleAssignment, UserId,
};
use ff_identity::oidc::{External, ResolveError, Resolved};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::callback::Attempt;
use super::platform::{Cause, execute};
use super::unavailable;
use crate::problem::{Problem, code};

/// Somebody who may come in.
#[derive(Debug)]
pub(super) struct Joined {
    /// Who it is.
    pub(super) user: Uuid,
    /// Whether they were no member before.
    pub(super) added: bool,
    /// How many of the roles do not exist any more.
    pub(super) left_out: usize,
    /// Whether they keep the roles from before, since the organization would have no owner otherwise.
    pub(super) kept_owner: bool,
}

/// Finds the person and brings their membership up to what the provider says.
pub(super) async fn join(
    attempt: &Attempt<'_>,
    external: &External,
    now: Timestamp,
) -> Result<Joined, Problem> {
    let organization = OrganizationId(external.organization);
    let (roles, left_out) = there_are(attempt, organization, &external.roles, now).await?;
    let known = known(attempt, organization, external).await?;
    if roles.is_empty() && !is_member(attempt, organization, external, known).await? {
        return Err(nothing_to_do(attempt, known));
    }
    let resolved = attempt.app.providers.resolve(external, known, now).await;
    let Resolved { user, created } =
        resolved.map_err(|error| not_resolved(attempt, error, known))?;
    if created {
        attempt.created(user);
    }
    let (added, kept_owner, state) = bring_up(attempt, organization, UserId(user), roles).await?;
    if state.all_roles().next().is_none() {
        return Err(nothing_to_do(attempt, Some(user)));
    }
    Ok(Joined { user, added, left_out, kept_owner })
}

/// Takes back what was given a moment ago: the connection was closed meanwhile.
pub(super) async fn undo(attempt: &Attempt<'_>, user: Uuid) -> Result<(), Problem> {
    let connection = attempt.connection.id;
    let nothing = MembershipCommand::ReplaceProviderRoles { connection, roles: BTreeSet::new() };
    let organization = OrganizationId(attempt.connection.organization);
    let cause = cause(attempt, "the identity provider was disconnected");
    match execute(attempt.app, organization, UserId(user), nothing, cause).await {
        Ok(done) => attempt.app.in_force(&done).await,
        Err(CommandError::OrganizationRejected(OrganizationError::LastOwner)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The roles that exist, and how many do not. They did when the connection was configured.
async fn there_are(
    attempt: &Attempt<'_>,
    organization: OrganizationId,
    mapped: &[Value],
    now: Timestamp,
) -> Result<(BTreeSet<RoleAssignment>, usize), Problem> {
    let read = |role: &Value| serde_json::from_value::<RoleAssignment>(role.clone()).ok();
    let mut roles: BTreeSet<_> = mapped.iter().filter_map(read).collect();
    let mut left_out = mapped.len() - roles.len();
    // What can be given does not depend on who gets it.
    let user = UserId(Uuid::now_v7());
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    let grant = MembershipCommand::Grant { organization, user, roles: roles.clone() };
    match attempt.app.commands.rehearse(target, grant, now).await {
        Ok(()) => {}
        Err(CommandError::Rejected(MembershipError::Invalid(problems))) => {
            let wrong: BTreeSet<usize> =
                problems.iter().filter_map(|problem| index(&problem.pointer)).collect();
            left_out += wrong.len();
            let right = roles.into_iter().enumerate().filter(|(index, _)| !wrong.contains(index));
            roles = right.map(|(_, role)| role).collect();
        }
        Err(error) => return Err(error.into()),
    }
    Ok((roles, left_out))
}

/// The place in `/roles/3/project`.
pub(super) fn index(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/roles/")?.split('/').next()?.parse().ok()
}

/// Somebody with an account of their own who has the e-mail that the provider has verified, and is a member already.
async fn known(
    attempt: &Attempt<'_>,
    organization: OrganizationId,
    external: &External,
) -> Result<Option<Uuid>, Problem> {
    let Some(email) = &external.email else { return Ok(None) };
    let found = attempt.app.people.find_by_email(email).await?;
    let rights = attempt.app.doorkeeper.rights();
    Ok(found.map(|person| person.id).filter(|id| rights.is_member(organization, UserId(*id))))
}

/// Whether this is somebody who is a member, by what is known before anything is written down.
async fn is_member(
    attempt: &Attempt<'_>,
    organization: OrganizationId,
    external: &External,
    known: Option<Uuid>,
) -> Result<bool, Problem> {
    let seen = attempt.app.providers.recognise(external).await;
    let user = match seen.map_err(|error| not_resolved(attempt, error, known))? {
        Some(user) => Some(user),
        None => known,
    };
    let rights = attempt.app.doorkeeper.rights();
    Ok(user.is_some_and(|user| rights.is_member(organization, UserId(user))))
}

/// Makes somebody a member if they are none, and replaces what the provider stands for. Whether they were none, whether
/// they kept what they had, and what they are now.
async fn bring_up(
    attempt: &Attempt<'_>,
    organization: OrganizationId,
    user: UserId,
    roles: BTreeSet<RoleAssignment>,
) -> Result<(bool, bool, MembershipState), Problem> {
    let app = attempt.app;
    let cause = cause(attempt, "signed in through the identity provider");
    let id = MembershipId::of(organization, user);
    let (membership, _, _) = app.commands.load::<Membership>(organization, id).await?;
    let mut added = false;
    if membership.live().is_none() {
        if roles.is_empty() {
            return Err(nothing_to_do(attempt, Some(user.0)));
        }
        let nothing = BTreeSet::new();
        let grant = MembershipCommand::Grant { organization, user, roles: nothing };
        match execute(app, organization, user, grant, cause).await {
            Ok(_) => added = true,
            // They sign in twice at once.
            Err(CommandError::Rejected(MembershipError::AlreadyMember)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let connection = attempt.connection.id;
    let replace = MembershipCommand::ReplaceProviderRoles { connection, roles };
    match execute(app, organization, user, replace, cause).await {
        Ok(done) => {
            app.in_force(&done).await;
            let state = done.aggregate.live().cloned().ok_or_else(Problem::unexplained)?;
            Ok((added, false, state))
        }
        Err(CommandError::OrganizationRejected(OrganizationError::LastOwner)) => {
            let state = membership.live().cloned().ok_or_else(Problem::unexplained)?;
            Ok((added, true, state))
        }
        Err(error) => Err(error.into()),
    }
}

fn cause(attempt: &Attempt<'_>, why: &'static str) -> Cause {
    Cause { connection: attempt.connection.id, request: attempt.request(), why }
}

/// The provider vouches for them, and nobody has anything for them to do.
fn nothing_to_do(attempt: &Attempt<'_>, user: Option<Uuid>) -> Problem {
    attempt.refuse("no_role", user);
    Problem::new(
        StatusCode::FORBIDDEN,
        code::NO_ROLE,
        "you are known to the identity provider, but none of your groups has a role in this organization: ask one of \
         its owners for one",
    )
}

fn not_resolved(attempt: &Attempt<'_>, error: ResolveError, user: Option<Uuid>) -> Problem {
    let reason = match error {
        ResolveError::Disabled => "disabled",
        ResolveError::NotThatPerson => "not_that_person",
        ResolveError::Unavailable(error) => return unavailable(&error),
    };
    attempt.refuse(reason, user);
    Problem::new(StatusCode::FORBIDDEN, code::KEPT_OUT, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_a_role_or_none() {
        assert_eq!(index("/roles/12/project"), Some(12));
        assert_eq!(index("/roles/0"), Some(0));
        for other in ["/roles", "/roles/", "/roles/x", "", "/other/1"] {
            assert_eq!(index(other), None, "{other}");
        }
    }
}
