//! What the security log is told of changes of rights.

use ff_commands::Done;
use ff_domain::{OrganizationId, RoleAssignment};
use ff_security::{Kind, Outcome, Record, Subject};

use crate::App;
use crate::middleware::Caller;

/// Notes that somebody changed who may do what. What changed nothing, or was noted when it was first asked for, is not.
pub(super) fn note<A>(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    done: &Done<A>,
    kind: Kind,
    subject: Subject,
) {
    note_with(app, caller, organization, done, kind, subject, |record| record);
}

/// The same of a role that was given or taken.
pub(super) fn note_role<A>(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    done: &Done<A>,
    kind: Kind,
    subject: Subject,
    role: &RoleAssignment,
) {
    note_with(app, caller, organization, done, kind, subject, |record| {
        let record = record.detail("role", role.role.as_str());
        let record = match &role.project {
            Some(project) => record.detail("project", project.as_str()),
            None => record,
        };
        match &role.environment {
            Some(environment) => record.detail("environment", environment.as_str()),
            None => record,
        }
    });
}

/// The same, with more about it.
pub(super) fn note_with<A>(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    done: &Done<A>,
    kind: Kind,
    subject: Subject,
    more: impl FnOnce(Record) -> Record,
) {
    if done.changed && !done.repeated {
        let record = app.doorkeeper.record(kind, Outcome::Ok, caller);
        let record = record.organization(organization.0).subject(subject);
        app.doorkeeper.recorder().record(more(record));
    }
}
