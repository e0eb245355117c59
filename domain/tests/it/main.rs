//! The domain from outside: what is decided, what is refused and how, and what old events mean for ever.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` in a call reads better by value")]

mod fixture;
mod samples;

mod api_key;
mod environment;
mod flag;
mod golden;
mod keys;
mod membership;
mod organization;
mod project;
mod property;
mod segment;
mod targeting;
