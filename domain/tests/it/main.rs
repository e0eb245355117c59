//! The domain from outside: what is decided, what is refused and how, and what old events mean for ever.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` in a call reads better by value")]

mod fixture;
mod samples;
mod shop;

mod api_key;
mod environment;
mod experiment;
mod experiment_design;
mod experiment_effects;
mod experiment_property;
mod flag;
mod flag_experiment;
mod golden;
mod keys;
mod layer;
mod membership;
mod metric;
mod organization;
mod project;
mod property;
mod segment;
mod service_account;
mod targeting;
