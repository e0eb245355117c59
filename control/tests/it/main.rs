//! The control plane over HTTP, against a real NATS and a real Postgres, with the projector running beside it.

mod document;
mod faults;
mod preconditions;
mod requests;
mod routes;
mod tenants;
mod world;
