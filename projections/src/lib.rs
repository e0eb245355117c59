//! Everything that is read: Postgres read models, the audit log, the archive of the log, and the config that
//! edges serve.
//!
//! A projection follows the log from its checkpoint and writes what it makes of each commit. The checkpoint is
//! written in the same transaction, so every commit counts exactly once. [`Projector`] runs the Postgres
//! projections, [`replay`] rebuilds one of them, [`Queries`] reads them; [`edge_config`] publishes what edges
//! need, and knows nothing of Postgres.
//!
//! Invariants:
//! - The log is the only truth. Every table here can be dropped, and a replay brings back the same bytes.
//! - Only this crate writes the read tables. It never appends to the log.
//! - A projection asks no clock and draws no random number: all it writes follows from the commits.
//! - A rebuild happens beside what is read, and replaces it in one transaction.

pub mod audit;
pub mod edge_config;
pub mod migrate;
pub mod queries;

mod archive;
mod catalog;
mod checkpoint;
mod database;
mod error;
mod feed;
mod name;
mod parked;
mod projection;
mod projector;
mod recent;
mod replay;
mod runner;
mod writer;

pub use error::{PoisonError, ProjectionError, QueryError};
pub use name::{ProjectionName, UnknownProjection};
pub use projector::{Projector, ProjectorOptions};
pub use queries::Queries;
pub use replay::{ReplayProgress, ReplayReport, replay};
