//! What each resource can do, along the way that people go.

mod audit;
mod environments;
mod experiments;
mod flags;
mod invitations;
mod keys;
mod layers;
mod me;
pub(crate) mod members;
mod metrics;
mod orgs;
mod passwords;
mod projects;
mod roles;
mod segments;
mod service;
mod service_accounts;
mod sessions;
mod tokens;
