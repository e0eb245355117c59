//! Tests of the crate against real servers.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod bodies;
mod events;
mod keys;
mod publishing;
mod storing;
mod support;
mod witness;
mod writer;
