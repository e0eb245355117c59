//! What the platform is about: organizations, projects, environments, flags, segments, experiments with their metrics
//! and layers, keys, roles, memberships and service accounts, the commands that change them and the events that say what happened.
//!
//! Each aggregate is an enum of its states. `decide` takes a command and the facts it depends on and answers with
//! events or a typed error; `apply` takes an event. cqrs-es's `Aggregate` is implemented on top of the two.
//!
//! Invariants:
//! - Pure: no I/O, no clock, no randomness. Time, ids and salts come in with the command.
//! - An id follows from parent, kind and key ([`id`]), so two creators of one key meet on one stream.
//! - What is in an event is decided, never computed again when it is applied: replay gives the same state for ever.
//! - The wire names of events never change; one golden file per event decodes for ever (`tests/golden`).
//! - No personal data and no secret is in an event: people appear by their id, keys by their hash.

pub mod aggregate;
pub mod api_key;
pub mod decimal;
pub mod environment;
pub mod experiment;
pub mod flag;
pub mod id;
pub mod key;
pub mod layer;
pub mod membership;
pub mod metric;
pub mod organization;
pub mod problem;
pub mod project;
pub mod role;
pub mod segment;
pub mod service_account;
pub mod text;
pub mod upcast;

pub use aggregate::Decision;
pub use api_key::{ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, ApiKeyState};
pub use decimal::Decimal;
pub use environment::{
    Environment, EnvironmentCommand, EnvironmentError, EnvironmentEvent, EnvironmentState,
};
pub use experiment::{
    Experiment, ExperimentCommand, ExperimentError, ExperimentEvent, ExperimentState,
};
pub use flag::{Flag, FlagCommand, FlagError, FlagEvent, FlagState};
pub use id::{
    ApiKeyId, EnvironmentId, ExperimentId, FlagId, LayerId, MembershipId, MetricId, OrganizationId,
    ProjectId, SegmentId, ServiceAccountId, UserId,
};
pub use key::{
    EnvironmentKey, ExperimentKey, FlagKey, InvalidKey, LayerKey, MetricKey, OrganizationKey,
    ProjectKey, RoleKey, SegmentKey, ServiceAccountKey, VariationKey,
};
pub use layer::{Layer, LayerCommand, LayerError, LayerEvent, LayerState};
pub use membership::{
    Membership, MembershipCommand, MembershipError, MembershipEvent, MembershipState,
};
pub use metric::{Metric, MetricCommand, MetricError, MetricEvent, MetricState};
pub use organization::{
    Organization, OrganizationCommand, OrganizationError, OrganizationEvent, OrganizationState,
};
pub use problem::Problem;
pub use project::{
    Item, Project, ProjectCommand, ProjectError, ProjectEvent, ProjectState, References,
};
pub use role::{RoleAssignment, RoleDefinition};
pub use segment::{Segment, SegmentCommand, SegmentError, SegmentEvent, SegmentState};
pub use service_account::{
    ServiceAccount, ServiceAccountCommand, ServiceAccountError, ServiceAccountEvent,
    ServiceAccountState,
};
