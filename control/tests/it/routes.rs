//! What each resource can do, along the way that people go.

mod audit;
mod environments;
mod experiments;
mod flags;
mod keys;
mod layers;
mod metrics;
mod orgs;
mod projects;
mod segments;
mod service;
mod sessions;
