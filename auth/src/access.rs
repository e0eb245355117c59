//! Who may do what where: roles, given to people and service accounts for a part of an organization.
//!
//! An [`OrganizationPolicy`] says which roles an organization has made and who holds which role in
//! which [`Place`]. An [`Enforcer`] is one such policy, built once by casbin and never changed after;
//! a change of the policy makes the next one, and [`Access`] swaps it in. The [`CasbinAuthorizer`]
//! asks the enforcer of the moment, once for each decision, so that no answer is made of two policies.
//!
//! Rights only ever add up: there is no role that takes something away, and so nothing depends on the
//! order in which roles were given.
//!
//! Architecture Invariant: nobody gives more than they have. [`CasbinAuthorizer::authorize_giving`] is
//! the one rule for it, whether the right is given by a role, by changing a role, or by a token; the grant
//! names each [`Gift`] it is good for.

mod authorizer;
mod current;
mod enforcer;
mod gift;
mod lines;
mod place;
mod policy;
mod role;

pub use authorizer::CasbinAuthorizer;
pub use current::Access;
pub use enforcer::Enforcer;
pub use gift::Gift;
pub use place::Place;
pub use policy::{Assignment, OrganizationPolicy};
pub use role::{BadRoleKey, BuiltInRole, RoleKey, RoleName};
