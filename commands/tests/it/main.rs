//! Commands from end to end: on the log in memory, and on a real nats-server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod lab;

mod experiment_races;
mod experiments;
mod faults;
mod guardrail;
mod keys;
mod life;
mod meddling;
mod members;
mod outage;
mod races;
mod repetition;
mod rights;
mod staleness;
