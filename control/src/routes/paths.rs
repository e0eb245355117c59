//! The keys in paths, and what follows from them: ids, and where in an organization a request is.

use ff_auth::Scope;
use ff_commands::Target;
use ff_domain::{
    ApiKey, ApiKeyId, Environment, EnvironmentId, EnvironmentKey, Experiment, ExperimentId,
    ExperimentKey, Flag, FlagId, FlagKey, Layer, LayerId, LayerKey, Membership, MembershipId,
    Metric, MetricId, MetricKey, Organization, OrganizationId, OrganizationKey, Project, ProjectId,
    ProjectKey, RoleAssignment, RoleKey, Segment, SegmentId, SegmentKey, ServiceAccount,
    ServiceAccountId, ServiceAccountKey, UserId,
};
use serde::Deserialize;
use utoipa::IntoParams;

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $what:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $name {
            $(
                #[doc = $what]
                #[param(inline)]
                pub(crate) $field: $type,
            )+
        }
    )+};
}

paths! {
    /// An organization.
    OrgPath {
        org: OrganizationKey = "Key of the organization.",
    }
    /// A project.
    ProjectPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
    }
    /// An environment.
    EnvironmentPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        environment: EnvironmentKey = "Key of the environment.",
    }
    /// A flag.
    FlagPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        flag: FlagKey = "Key of the flag.",
    }
    /// A variation of a flag.
    VariationPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        flag: FlagKey = "Key of the flag.",
        variation: String = "Key of the variation.",
    }
    /// A flag in an environment.
    FlagEnvironmentPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        flag: FlagKey = "Key of the flag.",
        environment: EnvironmentKey = "Key of the environment.",
    }
    /// A segment.
    SegmentPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        segment: SegmentKey = "Key of the segment.",
    }
    /// An experiment.
    ExperimentPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        experiment: ExperimentKey = "Key of the experiment.",
    }
    /// A metric.
    MetricPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        metric: MetricKey = "Key of the metric.",
    }
    /// A layer.
    LayerPath {
        org: OrganizationKey = "Key of the organization.",
        project: ProjectKey = "Key of the project.",
        layer: LayerKey = "Key of the layer.",
    }
    /// A member.
    MemberPath {
        org: OrganizationKey = "Key of the organization.",
        user: UserId = "Id of the person.",
    }
    /// A role.
    RolePath {
        org: OrganizationKey = "Key of the organization.",
        role: RoleKey = "Key of the role.",
    }
    /// A service account.
    AccountPath {
        org: OrganizationKey = "Key of the organization.",
        account: ServiceAccountKey = "Key of the service account.",
    }
    /// An API key.
    KeyPath {
        org: OrganizationKey = "Key of the organization.",
        key: ApiKeyId = "Id of the key.",
    }
}

/// A path that names a part of an organization, in which something may be allowed.
pub(crate) trait Placed {
    /// That part.
    fn place(&self) -> Scope;
}

macro_rules! placed {
    ($($scope:ident: $($path:ident)+;)+) => {$($(
        impl Placed for $path {
            fn place(&self) -> Scope {
                self.$scope()
            }
        }
    )+)+};
}

placed! {
    scope: OrgPath EnvironmentPath FlagEnvironmentPath MemberPath RolePath AccountPath;
    project_scope: ProjectPath FlagPath SegmentPath ExperimentPath MetricPath LayerPath;
}

impl OrgPath {
    pub(crate) fn org(&self) -> OrganizationId {
        OrganizationId::of(&self.org)
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::organization(self.org().0)
    }

    pub(crate) fn target(&self) -> Target<Organization> {
        Target::new(self.org(), self.org())
    }
}

/// What all paths below a project have in common.
macro_rules! below_project {
    ($($path:ident)+) => {$(
        impl $path {
            pub(crate) fn org(&self) -> OrganizationId {
                OrganizationId::of(&self.org)
            }

            pub(crate) fn project(&self) -> ProjectId {
                ProjectId::of(self.org(), &self.project)
            }

            /// The project as a scope.
            pub(crate) fn project_scope(&self) -> Scope {
                Scope::organization(self.org().0).in_project(self.project().0)
            }
        }
    )+};
}

below_project! {
    ProjectPath EnvironmentPath FlagPath VariationPath FlagEnvironmentPath SegmentPath
    ExperimentPath MetricPath LayerPath
}

impl ProjectPath {
    pub(crate) fn target(&self) -> Target<Project> {
        Target::new(self.org(), self.project())
    }
}

impl EnvironmentPath {
    pub(crate) fn id(&self) -> EnvironmentId {
        EnvironmentId::of(self.project(), &self.environment)
    }

    pub(crate) fn scope(&self) -> Scope {
        self.project_scope().in_environment(self.id().0)
    }

    pub(crate) fn target(&self) -> Target<Environment> {
        Target::new(self.org(), self.id())
    }
}

impl FlagPath {
    pub(crate) fn id(&self) -> FlagId {
        FlagId::of(self.project(), &self.flag)
    }

    pub(crate) fn target(&self) -> Target<Flag> {
        Target::new(self.org(), self.id())
    }
}

impl VariationPath {
    pub(crate) fn target(&self) -> Target<Flag> {
        Target::new(self.org(), FlagId::of(self.project(), &self.flag))
    }
}

impl FlagEnvironmentPath {
    pub(crate) fn id(&self) -> FlagId {
        FlagId::of(self.project(), &self.flag)
    }

    pub(crate) fn environment_id(&self) -> EnvironmentId {
        EnvironmentId::of(self.project(), &self.environment)
    }

    pub(crate) fn scope(&self) -> Scope {
        self.project_scope().in_environment(self.environment_id().0)
    }

    pub(crate) fn target(&self) -> Target<Flag> {
        Target::new(self.org(), self.id())
    }
}

impl SegmentPath {
    pub(crate) fn id(&self) -> SegmentId {
        SegmentId::of(self.project(), &self.segment)
    }

    pub(crate) fn target(&self) -> Target<Segment> {
        Target::new(self.org(), self.id())
    }
}

impl ExperimentPath {
    pub(crate) fn id(&self) -> ExperimentId {
        ExperimentId::of(self.project(), &self.experiment)
    }

    pub(crate) fn target(&self) -> Target<Experiment> {
        Target::new(self.org(), self.id())
    }
}

impl MetricPath {
    pub(crate) fn id(&self) -> MetricId {
        MetricId::of(self.project(), &self.metric)
    }

    pub(crate) fn target(&self) -> Target<Metric> {
        Target::new(self.org(), self.id())
    }
}

impl LayerPath {
    pub(crate) fn id(&self) -> LayerId {
        LayerId::of(self.project(), &self.layer)
    }

    pub(crate) fn target(&self) -> Target<Layer> {
        Target::new(self.org(), self.id())
    }
}

impl KeyPath {
    pub(crate) fn org(&self) -> OrganizationId {
        OrganizationId::of(&self.org)
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::organization(self.org().0)
    }

    pub(crate) fn organization(&self) -> OrgPath {
        OrgPath { org: self.org.clone() }
    }

    pub(crate) fn target(&self) -> Target<ApiKey> {
        Target::new(self.org(), self.key)
    }
}

impl MemberPath {
    pub(crate) fn org(&self) -> OrganizationId {
        OrganizationId::of(&self.org)
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::organization(self.org().0)
    }

    pub(crate) fn id(&self) -> MembershipId {
        MembershipId::of(self.org(), self.user)
    }

    pub(crate) fn target(&self) -> Target<Membership> {
        Target::new(self.org(), self.id())
    }
}

impl RolePath {
    pub(crate) fn scope(&self) -> Scope {
        self.organization().scope()
    }

    /// The organization, which the role is part of.
    pub(crate) fn organization(&self) -> OrgPath {
        OrgPath { org: self.org.clone() }
    }
}

impl AccountPath {
    pub(crate) fn org(&self) -> OrganizationId {
        OrganizationId::of(&self.org)
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::organization(self.org().0)
    }

    pub(crate) fn id(&self) -> ServiceAccountId {
        ServiceAccountId::of(self.org(), &self.account)
    }

    pub(crate) fn target(&self) -> Target<ServiceAccount> {
        Target::new(self.org(), self.id())
    }
}

/// The place that a role is given for, as a scope.
pub(crate) fn scope_of(organization: OrganizationId, role: &RoleAssignment) -> Scope {
    let (project, environment) = role.place(organization);
    Scope {
        org: organization.0,
        project: project.map(|id| id.0),
        environment: environment.map(|id| id.0),
    }
}
