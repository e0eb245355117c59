//! The projections on a real Postgres, most of them fed by the log's in-memory twin.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archive;
mod audit;
mod edge_config;
mod experiments;
mod faults;
mod format;
mod jetstream;
mod lists;
mod migrations;
mod people;
mod rebuild;
mod running;
mod trials;
mod world;
