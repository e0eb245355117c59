//! What stands before a service, as those outside meet it: over real connections.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod authority;
mod bodies;
mod connections;
mod site;
mod tls;
