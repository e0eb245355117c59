//! People on a real Postgres.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod erasing;
mod invitations;
mod mail;
mod migrations;
mod passwords;
mod revocations;
mod said;
mod sessions;
mod signing_in;
mod single_sign_on;
mod sweeping;
mod world;
