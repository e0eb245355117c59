//! The event log: every change of the platform, one commit per command, in one total order.
//!
//! A commit is one message in the JetStream stream `FF_EVENTS`, on the subject of its aggregate. It
//! carries all events of one command, a version that counts the aggregate's commits without a gap,
//! and the digest of the commit before it, so that a lost or altered commit is found when the
//! aggregate is loaded. Appending is a compare-and-swap on the aggregate's subject: two writers that
//! saw the same state cannot both succeed.
//!
//! [`EventLog`] is the contract. [`JetStreamLog`] is the real log, [`MemoryLog`] its twin for tests;
//! one suite of contract tests runs on both. [`CqrsStore`] puts aggregates on top: it decodes, upcasts
//! and applies events, and is generic over the aggregate.
//!
//! Architecture Invariant: only this crate knows the subjects and headers of `FF_EVENTS`.
//!
//! Architecture Invariant: nothing here knows a domain event. No other crate of the platform is
//! imported.
//!
//! Architecture Invariant: there are no snapshots of aggregates. A commit is the only stored truth,
//! and what was loaded may be kept in memory and refreshed.

mod chain;
mod codec;
mod commit;
mod digest;
mod draft;
mod error;
mod jetstream;
mod loaded;
mod log;
mod memory;
mod meta;
mod position;
mod store;
mod stream_key;
mod transfer;
mod verify;

pub use codec::{DecodeError, EncodeError, decode, encode};
pub use commit::{
    Actor, ActorKind, AggregateRef, Causation, CausationKind, Commit, EventRecord, Recorded,
    SCHEMA, Via,
};
pub use digest::{Digest, ParseDigestError};
pub use draft::{Draft, Tip};
pub use error::{AppendError, BrokenLink, Cause, ConfigDifference, Defect, LogError};
pub use jetstream::{JetStreamLog, LogOptions, STREAM_NAME, Server};
pub use loaded::{Loaded, Outcome, replay};
pub use log::{EventLog, Freshness, TailItem};
pub use memory::{Fault, MemoryLog};
pub use meta::{CommitMeta, MetaError};
pub use position::{ParsePositionError, Position};
pub use store::{BadAggregateId, CqrsStore, Upcasters};
pub use stream_key::StreamKey;
pub use transfer::{ExportReport, ImportError, ImportReport, TransferError, export, import};
pub use verify::{Finding, Progress, VerifyReport, verify};
