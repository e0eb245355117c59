//! The statistics against published numbers, under transformation, at extremes, and by simulation.

#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is the report")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of users that the tests choose"
)]

mod calibration;
mod extremes;
mod fixtures;
mod http;
mod metamorphic;
mod outcomes;
mod planning;
mod published;
mod recorded_failures;
mod report;
mod store;
