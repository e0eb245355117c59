//! Nobody comes in through a connection any more, and nobody keeps what they got through it.

use std::collections::BTreeSet;

use ff_commands::CommandError;
use ff_domain::{MembershipCommand, MembershipError, OrganizationError, OrganizationId, UserId};
use ff_eventlog::EventLog as _;
use ff_security::{Kind, Outcome, Subject};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::routes::sign_in::platform::{Cause, execute};

/// How many memberships are changed at once.
const AT_ONCE: usize = 8;
/// How long what other replicas have done is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ended {
    /// Sessions that were closed.
    pub(super) sessions: usize,
    /// Members who lost their roles.
    pub(super) members: usize,
    /// Owners who keep them, since the organization would have none otherwise.
    pub(super) kept: usize,
}

/// Closes the sessions and takes the roles of a connection that is switched off. It goes on if whoever asked for it does
/// not wait for the answer; if it is cut short, doing it again does the rest.
pub(super) async fn end(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    connection: Uuid,
) -> Result<Ended, Problem> {
    let (app, caller) = (app.clone(), caller.clone());
    let work = async move {
        let now = Timestamp::now();
        let closed = app.people.close_through(connection, now).await?;
        app.doorkeeper.revocations().apply(&closed);
        for revocation in &closed {
            let mut record = app.doorkeeper.record(Kind::SessionRevoked, Outcome::Ok, &caller);
            record.organization = Some(organization.0);
            record.subject = Some(Subject::user(revocation.user));
            record.detail.set("connection", &connection.to_string());
            app.doorkeeper.recorder().record(record);
        }
        let request = caller.visit.request.unwrap_or_else(Uuid::now_v7);
        let why = "the identity provider was disconnected";
        let cause = Cause { connection, request, why };
        let taken = take_roles(&app, organization, cause).await?;
        Ok(Ended { sessions: closed.len(), ..taken })
    };
    tokio::spawn(work).await.map_err(|error| Problem::internal(&error))?
}

async fn take_roles(
    app: &App,
    organization: OrganizationId,
    cause: Cause,
) -> Result<Ended, Problem> {
    let rights = app.doorkeeper.rights();
    // Whoever came in a moment ago, elsewhere, is known here too.
    rights.wait_for(app.log.head().await?, PATIENCE).await;
    let members = rights.members_through(organization, cause.connection);
    let each = members.into_iter().map(|user| take_from(app, organization, user, cause));
    let add = async |all: Ended, taken: Ended| {
        Ok(Ended { members: all.members + taken.members, kept: all.kept + taken.kept, ..all })
    };
    stream::iter(each).buffer_unordered(AT_ONCE).try_fold(Ended::default(), add).await
}

async fn take_from(
    app: &App,
    organization: OrganizationId,
    user: UserId,
    cause: Cause,
) -> Result<Ended, Problem> {
    let roles = BTreeSet::new();
    let nothing = MembershipCommand::ReplaceProviderRoles { connection: cause.connection, roles };
    match execute(app, organization, user, nothing, cause).await {
        Ok(done) => {
            app.in_force(&done).await;
            Ok(Ended { members: 1, ..Ended::default() })
        }
        Err(CommandError::OrganizationRejected(OrganizationError::LastOwner)) => {
            Ok(Ended { kept: 1, ..Ended::default() })
        }
        // They left meanwhile.
        Err(CommandError::Rejected(MembershipError::NotFound)) => Ok(Ended::default()),
        Err(error) => Err(error.into()),
    }
}
