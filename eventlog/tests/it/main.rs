//! The event log against its contract, on both implementations and on a real server.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod contract;
mod damage;
mod faults;
mod fixture;
mod lamp;
mod opening;
mod restart;
mod store;
mod transfer;
mod writers;
