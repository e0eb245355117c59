//! The security log: who signed in, who was refused, who was given or lost a right, and which keys are used from where.
//!
//! It stands beside the audit log. The audit log says what became of flags and experiments, is made from the log of
//! events, and can be rebuilt; this one says what happened at the doors, much of which changed nothing and is therefore
//! no event: a wrong password, a refused key, a denial.
//!
//! ```text
//! control, edge, ingest ─▶ Recorder (memory, throttled) ─▶ FF_SECURITY ─▶ Writer ─▶ security.log, security.key_use
//!                                                                              Log ◀─┘ lists, exports, last use
//! ```
//!
//! Invariants:
//! - Recording never blocks, never fails, and never grows beyond its buffer. What is lost is counted.
//! - Whoever is refused again and again fills no disk: repeats of one source become one record with a count.
//! - No name, no e-mail address and no secret is in a record. Addresses (IP) are, until the person is erased.
//! - A row is never changed and never removed, except by retention and by erasing a person's addresses.

mod connection;
mod detail;
mod entry;
mod kind;
mod log;
mod message;
mod meter;
mod named;
mod network;
mod patience;
mod record;
mod recorder;
mod stream;
mod throttle;
mod writer;

pub use connection::connect;
pub use detail::Detail;
pub use entry::{Entry, EntryActor, EntrySubject};
pub use kind::Kind;
pub use log::{Filter, Format, LastUse, Log, LogError, Page, Scope, Stay};
pub use record::{Actor, ActorKind, Outcome, Record, Service, Subject, SubjectKind};
pub use recorder::{Recorder, RecorderOptions, RecorderStatus};
pub use stream::{STREAM, StreamOptions};
pub use throttle::ThrottleOptions;
pub use writer::{Writer, WriterOptions};
