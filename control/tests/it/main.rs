//! The control plane over HTTP, against a real NATS and a real Postgres, with the projector running beside it.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod document;
mod faults;
mod preconditions;
mod requests;
mod routes;
mod tenants;
mod world;
