//! The edge as its clients see it: over HTTP, with config from a real NATS server that tests publish by hand.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod bad_input;
mod config;
mod evaluate;
mod experiments;
mod keys;
mod offline;
mod publishing;
mod stream;
mod support;
mod sync;
