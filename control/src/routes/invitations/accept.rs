//! Accepting an invitation: by somebody new, who gets an account, or by somebody who is signed in.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use ff_domain::OrganizationKey;
use ff_identity::{Accept, AcceptError, Accepted, IdentityError};
use ff_security::{Actor, Kind, Outcome, Record, Service, Subject, SubjectKind};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::give::give;
use super::look::{Token, spent};
use crate::App;
use crate::doorkeeper::Visit;
use crate::middleware::{Caller, visit};
use crate::problem::{Problem, code};
use crate::request::{Payload, Plain};
use crate::respond::Answer;
use crate::routes::me::{not_limited, oneself};
use crate::routes::sessions::{Carried, Session, open, origin, slow_down};

/// Somebody new.
#[derive(Deserialize, ToSchema)]
#[schema(as = AcceptInvitation)]
#[serde(deny_unknown_fields)]
pub(crate) struct Newcomer {
    /// What came by mail.
    #[schema(value_type = String, format = Password)]
    token: SecretString,
    /// What others will call them: 1 to 200 characters.
    name: String,
    /// 10 to 256 characters, and none of the most common ones.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Whether the tokens come as cookies, for a browser.
    #[serde(default)]
    cookies: bool,
}

impl Payload for Newcomer {
    const LIMIT: usize = 16 * 1024;
}

/// An invitation that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AcceptedInvitation)]
pub(crate) struct Joined {
    /// The organization that one belongs to now.
    organization: OrganizationKey,
}

/// Accept an invitation, and get an account
///
/// Signs in. If there is an account with the invited e-mail already, sign in and accept it then. When this is refused
/// with FF-3016, the account was made nevertheless.
#[utoipa::path(
    post, path = "/api/v1/invitations/accept", operation_id = "accept_invitation", tag = "people",
    request_body = Newcomer,
    responses((status = 201, description = "Accepted, and signed in", body = Session)),
    security(()),
)]
pub(crate) async fn accept_invitation(
    State(app): State<App>,
    request: Request,
) -> Result<Response, Problem> {
    let visit = visit(&request);
    let origin = origin(&request, visit);
    let Plain(Newcomer { token, name, password, cookies }) =
        Plain::<Newcomer>::from_request(request, &app).await?;
    slow_down(&app, visit).await?;
    // Nobody should have an account and nothing else because nobody knows who may invite.
    app.doorkeeper.rights().current()?;
    let now = Timestamp::now();
    let accepted = app.people.accept(&token, Accept::New { name, password }, now).await;
    let accepted = accepted.map_err(refusal)?;
    let mut record = Record::new(now, Kind::PersonCreated, Outcome::Ok, Service::Control);
    record.subject = Some(Subject::user(accepted.user));
    app.doorkeeper.recorder().record(visit.of(record));
    join(&app, &accepted, visit, now).await?;
    let person = app.people.find(accepted.user).await?.ok_or_else(Problem::not_found)?;
    let carried = if cookies { Carried::InCookies } else { Carried::ByHand };
    open(&app, &person, None, origin, visit, carried, now).await
}

/// Accept an invitation
///
/// With the account you are signed in to, whose e-mail must be the invited one. If you are a member already you get the
/// roles as well.
#[utoipa::path(
    post, path = "/api/v1/me/invitations/accept", operation_id = "accept_invitation_signed_in", tag = "people",
    request_body = Token,
    responses((status = 200, description = "You belong to the organization", body = Joined)),
)]
pub(crate) async fn accept_invitation_signed_in(
    State(app): State<App>,
    caller: Caller,
    Plain(Token { token }): Plain<Token>,
) -> Result<Answer<Joined>, Problem> {
    slow_down(&app, caller.visit).await?;
    let person = oneself(&app, &caller).await?;
    not_limited(&caller, &person)?;
    app.doorkeeper.rights().current()?;
    let now = Timestamp::now();
    let accepted = app.people.accept(&token, Accept::Signed { user: person.id }, now).await;
    let accepted = accepted.map_err(refusal)?;
    let (organization, position) = join(&app, &accepted, caller.visit, now).await?;
    Ok(Answer::found(Joined { organization }, None, position))
}

/// Gives what the invitation promised; if that cannot be done, the invitation is as if it had not been accepted.
async fn join(
    app: &App,
    accepted: &Accepted,
    visit: Visit,
    now: Timestamp,
) -> Result<(OrganizationKey, ff_eventlog::Position), Problem> {
    let given = match give(app, accepted, now).await {
        Ok(given) => given,
        Err(problem) => {
            app.people.reopen(accepted.invitation).await?;
            return Err(problem);
        }
    };
    let happened = |kind, subject| {
        let mut record = Record::new(now, kind, Outcome::Ok, Service::Control);
        record.organization = Some(accepted.organization);
        record.actor = Some(Actor::user(accepted.user));
        record.subject = Some(subject);
        app.doorkeeper.recorder().record(visit.of(record));
    };
    let invitation = Subject::new(SubjectKind::Invitation, accepted.invitation);
    happened(Kind::InvitationAccepted, invitation);
    let kind = if given.added { Kind::MemberAdded } else { Kind::RoleGiven };
    happened(kind, Subject::user(accepted.user));
    Ok((given.organization, given.position))
}

fn refusal(error: AcceptError) -> Problem {
    let detail = error.to_string();
    match error {
        AcceptError::Unknown => spent(),
        AcceptError::EmailTaken => Problem::new(StatusCode::CONFLICT, code::EMAIL_TAKEN, detail),
        AcceptError::OtherEmail | AcceptError::OtherOrganization => {
            Problem::new(StatusCode::FORBIDDEN, code::NOT_INVITED, detail)
        }
        AcceptError::Disabled => Problem::new(StatusCode::FORBIDDEN, code::KEPT_OUT, detail),
        AcceptError::BadPassword(error) => IdentityError::BadPassword(error).into(),
        AcceptError::Failed(error) => error.into(),
    }
}
