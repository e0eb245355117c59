//! The control plane over HTTP, against a real NATS and a real Postgres, with the projector running beside it.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod at_once;
mod document;
mod escalation;
mod faults;
mod mailbox;
mod matrix;
mod preconditions;
mod requests;
mod rights_log;
mod routes;
mod security_log;
mod sign_in;
mod tenants;
mod world;
