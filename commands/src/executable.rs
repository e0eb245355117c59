//! What the executor must know of a kind of aggregate, beside how it decides.

mod api_key;
mod environment;
mod experiment;
mod flag;
mod layer;
mod membership;
mod metric;
mod organization;
mod project;
mod roles;
mod segment;
mod service_account;

use std::{fmt, future::Future};

use cqrs_es::Aggregate;
use ff_auth::{Gift, Permission, Scope};
use ff_domain::{
    Decision, EnvironmentId, OrganizationError, OrganizationId, ProjectError, ProjectId,
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Effect, Party, Surroundings};

/// A kind of aggregate whose commands can be executed.
pub trait Executable:
    Decision
    + Aggregate<Command: Clone + Send + Sync, Error: Send + Sync>
    + Clone
    + fmt::Debug
    + 'static
{
    /// Its id.
    type Id: Copy + Eq + fmt::Debug + fmt::Display + Send + Sync + 'static;

    /// The id without its type.
    fn uuid(id: Self::Id) -> Uuid;

    /// Names a kind of refusal for good.
    fn code(error: &Self::Error) -> &'static str;

    /// What a caller must have been granted. `None` for what only the executor may ask, as part of another command.
    fn permission(command: &Self::Command) -> Option<Permission>;

    /// Where the command does something, for comparison with the scope of the grant. `None` when there is nothing
    /// yet and the command does not create it: it will be refused, and nobody needs a right to hear that.
    fn place(&self, command: &Self::Command) -> Option<Place>;

    /// Which rights the command gives away or takes: whoever gives it must have them.
    fn gifts(&self, _org: OrganizationId, _command: &Self::Command) -> Vec<Gift> {
        Vec::new()
    }

    /// Whether a command may be given to `id` of `org`: what it creates gets its id from what is in the command.
    fn is_for(command: &Self::Command, org: OrganizationId, id: Self::Id) -> bool;

    /// What must exist for this command to create something.
    fn parent(command: &Self::Command) -> Option<Parent>;

    /// Looks up what the decision depends on.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn facts<L: EventLog>(
        &self,
        command: &Self::Command,
        around: &Surroundings<'_, L>,
    ) -> impl Future<Output = Result<Self::Services, LogError>> + Send;

    /// Those that [`Executable::effects`] will probably ask, so that they are read in time. A wrong guess costs a
    /// look-up and nothing else.
    fn hints(&self, _command: &Self::Command) -> Vec<Party> {
        Vec::new()
    }

    /// What others must agree to for this to become `after`.
    fn effects(&self, _after: &Self) -> Vec<Effect> {
        Vec::new()
    }
}

/// Where a command does something, below its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The project, if it is in one.
    pub project: Option<ProjectId>,
    /// The environment, if it is about one.
    pub environment: Option<EnvironmentId>,
}

/// The project, and the environment in it.
impl From<(Option<ProjectId>, Option<EnvironmentId>)> for Place {
    fn from((project, environment): (Option<ProjectId>, Option<EnvironmentId>)) -> Self {
        Self { project, environment }
    }
}

/// What a new aggregate belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// The organization.
    Organization,
    /// A project of it.
    Project(ProjectId),
}

impl Place {
    /// Somewhere in the organization, in no project.
    pub const ORGANIZATION: Self = Self { project: None, environment: None };

    /// In a project, in no environment.
    pub fn project(project: ProjectId) -> Self {
        Self { project: Some(project), environment: None }
    }

    /// In an environment of a project.
    pub fn environment(project: ProjectId, environment: EnvironmentId) -> Self {
        Self { project: Some(project), environment: Some(environment) }
    }

    /// The place as a scope of an organization.
    pub fn scope(&self, org: OrganizationId) -> Scope {
        Scope {
            org: org.0,
            project: self.project.map(|id| id.0),
            environment: self.environment.map(|id| id.0),
        }
    }

    /// Whether a scope holds this place: it is the place, or something around it.
    pub(crate) fn is_in(&self, scope: &Scope) -> bool {
        let within = |scope: Option<Uuid>, place: Option<Uuid>| scope.is_none() || scope == place;
        within(scope.project, self.project.map(|id| id.0))
            && within(scope.environment, self.environment.map(|id| id.0))
    }
}

impl Parent {
    /// What it is, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Project(_) => "project",
        }
    }

    /// The code of its absence.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Organization => OrganizationError::NotFound.code(),
            Self::Project(_) => ProjectError::NotFound.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_scopes_around_it() {
        let project = ProjectId(Uuid::from_u128(1));
        let environment = EnvironmentId(Uuid::from_u128(2));
        let org = Scope::organization(Uuid::from_u128(9));
        let place = Place::environment(project, environment);
        for scope in [org, org.in_project(project.0), org.in_environment(environment.0)] {
            assert!(place.is_in(&scope), "{scope:?}");
        }
        assert!(!place.is_in(&org.in_project(Uuid::from_u128(3))));
        assert!(!Place::project(project).is_in(&org.in_environment(environment.0)));
        assert!(!Place::ORGANIZATION.is_in(&org.in_project(project.0)));
    }
}
