//! The evaluator as its users see it.

mod checks;
mod conformance;
mod incremental;
mod explanations;
mod properties;
mod strategies;
