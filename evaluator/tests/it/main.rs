//! The evaluator as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "so that `json!` can be passed as it is")]

mod checks;
mod conformance;
mod experiments;
mod explanations;
mod incremental;
mod limits;
mod properties;
mod strategies;
