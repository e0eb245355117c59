//! The embedded servers: NATS, PostgreSQL, a ClickHouse-compatible server over chDB, and Valkey for those who want it.
//!
//! A machine with nothing set up gets the whole platform from one command because this crate fetches
//! the servers it needs, checks them, starts them under one directory and looks after them. Where
//! servers exist already, the same types only carry their addresses.
//!
//! - [`artifacts`]: the pinned binaries and how they get here.
//! - [`process`]: a child that never outlives us; [`ProcessSpec`] and [`Readiness`]: what to run and
//!   when it counts as up.
//! - [`nats`], [`postgres`], [`chdb`], [`redis`]: how each server is prepared and started.
//! - [`supervisor`]: keeps processes running; [`Stack`]: the servers under a supervisor.
//!
//! Invariants: a server is never run whose package has another checksum than the pinned one; data
//! appears under its final name only when whole; `kill -9` of any or all processes leaves nothing that
//! has to be repaired by hand.

pub mod artifacts;
pub mod chdb;
mod error;
mod files;
pub mod nats;
pub mod ports;
pub mod postgres;
mod proc;
pub mod process;
mod readiness;
pub mod redis;
mod server;
mod spec;
mod stack;
pub mod supervisor;

pub use error::StackError;
pub use files::write_private;
pub use readiness::Readiness;
pub use server::Server;
pub use spec::{ProcessSpec, RestartPolicy};
pub use stack::{
    ClickHouseSource, DatabaseOptions, NatsSource, PostgresSource, RedisSource, RunningStack,
    Stack, StackOptions,
};
pub use supervisor::Supervisor;
