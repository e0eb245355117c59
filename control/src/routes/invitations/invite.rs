//! Inviting somebody.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ff_auth::{Member, Permission, PrincipalKind};
use ff_commands::{CommandError, Demand, Target};
use ff_domain::{
    Membership, MembershipCommand, MembershipId, OrganizationState, RoleAssignment, UserId,
};
use ff_identity::mail::InvitationMail;
use ff_identity::{Invitation, Invited, MailError, NewInvitation};
use ff_limits::Subject as Limited;
use ff_security::{Kind, Outcome, Subject, SubjectKind};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::InvitationView;
use crate::App;
use crate::middleware::{Caller, limit, limit_deed};
use crate::problem::{Chain, Problem, code};
use crate::request::{At, Payload, Plain};
use crate::routes::paths::OrgPath;

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateInvitation)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvitation {
    /// Whose mailbox it is for.
    #[schema(example = "colleague@example.com")]
    email: String,
    /// What they will be given. You must have it yourself, now and when they accept.
    roles: Vec<RoleAssignment>,
}

impl Payload for CreateInvitation {
    const LIMIT: usize = 64 * 1024;
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedInvitation)]
pub(crate) struct Created {
    #[serde(flatten)]
    about: InvitationView,
    /// What accepts it, this once. Null when it was mailed: then only whoever has the mailbox gets it.
    token: Option<String>,
    /// Where it can be accepted, token included. Null when it was mailed.
    link: Option<String>,
}

/// Invite somebody
///
/// They get a mail. Where no mail server is configured, the link is in this answer, for you to pass on. An earlier
/// invitation for the same e-mail is worth nothing from now on.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/invitations", operation_id = "create_invitation", tag = "people",
    params(OrgPath), request_body = CreateInvitation,
    responses((status = 201, description = "Invited", body = Created)),
)]
pub(crate) async fn create_invitation(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Plain(CreateInvitation { email, roles }): Plain<CreateInvitation>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    // Whether roles exist is told to who may invite at all.
    let _ = app.allow(&caller, Permission::MembershipGrant, path.scope())?;
    let inviter = inviter(&caller)?;
    let organization = app.doorkeeper.rights().organization(path.org());
    let organization = organization.ok_or_else(Problem::not_found)?;
    let now = Timestamp::now();
    let promised = check(&app, &caller, &path, &roles, now).await?;
    limit_deed(&app, &caller, "invitations", app.quotas.invitations).await?;
    if app.mailer.is_configured() {
        limit_mailbox(&app, &email).await?;
    }
    let new = NewInvitation {
        organization: path.org().0,
        email: email.trim().to_owned(),
        roles: serde_json::to_value(&promised).map_err(|error| Problem::internal(&error))?,
        invited_by: inviter,
    };
    let invited = app.people.invite(new.clone(), now).await?;
    let link = format!("{}/invitations#{}", app.public_url, invited.token.expose_secret());
    let link = SecretString::from(link);
    let mailed = app.mailer.is_configured();
    if mailed {
        send(&app, &organization, &new, &invited, &link).await?;
    }
    let mut record = app.doorkeeper.record(Kind::InvitationCreated, Outcome::Ok, &caller);
    record.organization = Some(path.org().0);
    record.subject = Some(Subject::new(SubjectKind::Invitation, invited.id));
    app.doorkeeper.recorder().record(record);

    let shown = |secret: &SecretString| (!mailed).then(|| secret.expose_secret().to_owned());
    let (token, link) = (shown(&invited.token), shown(&link));
    let NewInvitation { organization, email, roles, invited_by } = new;
    let Invited { id, expires_at, .. } = invited;
    let invitation =
        Invitation { id, organization, email, roles, invited_by, created_at: now, expires_at };
    let about = InvitationView::of(invitation)?;
    Ok((StatusCode::CREATED, Json(Created { about, token, link })))
}

/// Counts what is mailed to an address.
async fn limit_mailbox(app: &App, email: &str) -> Result<(), Problem> {
    let name = Sha256::digest(email.trim().to_lowercase()).into();
    limit(app, "mailbox", app.quotas.mailbox, Limited::Name(name)).await
}

/// In whose name the roles will be given: the person, or the program if it is nobody's.
fn inviter(caller: &Caller) -> Result<Uuid, Problem> {
    match (&caller.principal.kind, caller.principal.owner) {
        (_, Some(Member::User(user))) => Ok(user),
        (PrincipalKind::User { user_id: id } | PrincipalKind::ApiKey { key_id: id }, _) => Ok(*id),
        (PrincipalKind::System, _) => Err(Problem::not_found()),
    }
}

/// The roles, if there are such and whoever invites has them.
async fn check(
    app: &App,
    caller: &Caller,
    path: &OrgPath,
    roles: &[RoleAssignment],
    now: Timestamp,
) -> Result<BTreeSet<RoleAssignment>, Problem> {
    let promised: BTreeSet<_> = roles.iter().cloned().collect();
    // Nobody knows yet who will accept it. What is asked of whoever gives the roles is the same for all.
    let user = UserId(Uuid::now_v7());
    let organization = path.org();
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    let command = MembershipCommand::Grant { organization, user, roles: promised.clone() };
    app.commands.rehearse(target, command.clone(), now).await.map_err(|error| {
        let about_roles = matches!(error, CommandError::Rejected(_));
        let problem = Problem::from(error);
        if about_roles { problem.at_items("/roles", &promised, roles) } else { problem }
    })?;
    let Demand { permission, gifts, .. } = app.commands.demand(target, &command).await?;
    let _ = app.doorkeeper.allow_giving(caller, permission, path.scope(), gifts)?;
    Ok(promised)
}

/// Mails the invitation. One that does not leave the house is taken back: its token must not be told to anybody else.
async fn send(
    app: &App,
    organization: &OrganizationState,
    new: &NewInvitation,
    invited: &Invited,
    link: &SecretString,
) -> Result<(), Problem> {
    let inviter = app.people.find(new.invited_by).await?.and_then(|person| person.name);
    let mail = InvitationMail {
        to: &new.email,
        organization: &organization.name,
        inviter: inviter.as_deref(),
        link,
        expires_at: invited.expires_at,
    };
    let Err(error) = app.mailer.invitation(mail).await else { return Ok(()) };
    app.people.withdraw(new.organization, invited.id).await?;
    let for_good = matches!(error, MailError::BadAddress | MailError::Refused { status: 500.. });
    if for_good {
        let summary = "the input is not valid, see `errors`";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::BAD_PERSON, summary)
            .at("/email", "the mail server does not take mail for it: check it"));
    }
    tracing::warn!(error = %Chain(&error), "an invitation was not mailed");
    let detail = "the mail server does not take mail at the moment: invite again later";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::MAIL_UNAVAILABLE, detail)
        .retry_after(60))
}
