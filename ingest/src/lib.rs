//! Telemetry: exposures and metric events, from SDKs to ClickHouse.
//!
//! ```text
//! POST /v1/events ─▶ check ─▶ group commit ─▶ FF_TELEMETRY (on disk: 202) ─▶ writer ─▶ ClickHouse
//! ```
//!
//! Invariants:
//! - 202 is answered when JetStream has synced the events, and not before. The writer may be down for as long as the
//!   stream keeps them.
//! - An event has an id of its own. Whatever is sent, stored or written twice counts once.
//! - Memory is bounded: who cannot be served at the moment hears so before anything grows.

mod batch;
mod budget;
mod commit;
mod config;
mod error;
mod event;
mod http;
mod metrics;
mod options;
mod private;
mod problem;
mod quota;
pub mod record;
pub mod schema;
mod sender;
mod service;
mod streams;
mod take;
mod witness;
pub mod writer;

pub use error::IngestError;
pub use options::{CommitOptions, EventQuota, HashSecret, IngestOptions, Limits, StreamOptions};
pub use service::Ingest;
