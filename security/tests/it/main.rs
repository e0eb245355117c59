//! The security log on real servers: from what is recorded to what is read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod export;
mod faults;
mod keys;
mod lasting;
mod lists;
mod recording;
mod world;
