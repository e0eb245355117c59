//! Executes commands: authorise, load, decide, append.
//!
//! A command is decided by one aggregate of `ff-domain` and becomes one commit of the event log, or, where it has
//! effects on others (an experiment on its flag and its layer, a mention on the project), one atomic batch of a commit
//! for each. This crate is the way from one
//! to the other: [`Executor`] demands a grant, keeps recently used aggregates in memory, looks up what a decision
//! depends on, compares the expected version, answers a repeated command with its first answer, and retries when
//! someone else was faster. What it needs to know of each kind of aggregate is in its [`Executable`].
//!
//! Invariants:
//! - Nothing is appended without a [`Grant`](ff_auth::Grant) for this command in this place, and for each right that
//!   changes hands by it.
//! - Only an append proves that what was read is current. Every other answer (refused, unchanged, repeated, wrong
//!   version) is given on what the leader of the log said.
//! - Correctness rests on the log's compare-and-swap alone. The cache may be stale and the turns that commands of
//!   one process take are there for speed.
//! - No command is lost and none is doubled: whenever an answer of the log is missing, the command is looked for
//!   in the history of its aggregate. Where even that fails the error says that it may have been written.

mod attempt;
mod cache;
mod drive;
mod effect;
mod error;
mod executable;
mod executor;
mod founding;
pub mod guardrail;
mod measure;
mod progress;
mod surroundings;
mod target;

pub use effect::{Effect, Party};
pub use error::{CommandError, DeadlinePassed};
pub use executable::{Executable, Parent, Place};
pub use executor::{Demand, Executor, ExecutorOptions};
/// What a command says about itself: who, when, how, why, and which command it is.
pub use ff_eventlog::CommitMeta as CommandMeta;
pub use ff_eventlog::{Actor, ActorKind, Causation, CausationKind, Position, Via};
pub use surroundings::Surroundings;
pub use target::{Done, Target};
