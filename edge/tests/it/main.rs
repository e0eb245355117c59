//! The edge as its clients see it: over HTTP, with config from a real NATS server that tests publish by hand.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod bad_input;
mod browsers;
mod config;
mod ended_keys;
mod evaluate;
mod experiments;
mod keys;
mod offline;
mod publishing;
mod quotas;
mod stream;
mod support;
mod sync;
mod tls;
mod witness;
