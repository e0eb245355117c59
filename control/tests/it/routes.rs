//! What each resource can do, along the way that people go.

mod audit;
mod environments;
mod flags;
mod keys;
mod orgs;
mod projects;
mod segments;
mod service;
mod sessions;
