//! Decides which variation of a flag a context gets, and explains why.
//!
//! This is the code that edges and SDKs share, so that both always give the same answer. It takes an
//! [`EnvironmentDefinition`] (what the edge config holds), compiles it once into a [`Config`], and answers from
//! memory.
//!
//! Invariants:
//! - Pure: no I/O, no clock, no randomness. The time of an evaluation is an argument.
//! - Total: [`Config::evaluate`] never fails and never panics; what cannot be answered has reason
//!   [`Reason::Error`] and an [`ErrorCode`].
//! - A definition that does not compile harms only its own flag or segment, never its neighbours.

mod attribute;
mod bucketing;
mod check;
mod condition;
mod config;
mod context;
mod evaluation;
mod explain;
mod flag;
pub mod model;
mod names;
mod number;
mod operators;
mod problem;
mod run;
mod short;
pub mod wire;

pub use bucketing::bucket;
pub use check::{
    References, condition_references, references, segment_references, used_variations, validate,
    validate_condition, validate_segment,
};
pub use config::{Change, Config, FlagHandle};
pub use context::{Context, ContextError};
pub use evaluation::{ErrorCode, Evaluation, Reason};
pub use explain::{Explanation, Outcome as StepOutcome, Range, Step, What};
pub use model::{
    Condition, EnvironmentDefinition, ExperimentDefinition, FlagDefinition, HashKind, Operator,
    Outcome, Prerequisite, Rollout, Rule, SegmentDefinition, Slice, Target, Test, ValueType,
    Variation, Weight, WeightError, WeightedVariation,
};
pub use problem::{Defect, Problem, ProblemKind};
