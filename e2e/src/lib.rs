//! Runs the whole platform as a user would: the real binary, its real servers, in a folder of its own.
//!
//! The tests are in `tests/it`. They need the debug binaries: `make test` builds them, and so does
//! `cargo build -p ff-server -p ff-stack --bins`.

mod api;
mod clickhouse;
mod ingest;
mod platform;
mod traces;

pub use api::{Answer, Api};
pub use clickhouse::ClickHouse;
pub use ingest::{Ingest, Receipt, metric_events};
pub use platform::{Alone, Platform};
pub use traces::Traces;
