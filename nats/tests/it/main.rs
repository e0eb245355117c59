//! Connections to a real nats-server: encrypted, with certificates on both sides, and with every way of logging in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod encrypted;
mod logins;
mod nats;
mod said;
