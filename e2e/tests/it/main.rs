//! The whole platform, as people and programs use it.
#![allow(unreachable_pub, reason = "`pub` says what other modules use")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod canary;
mod contention;
mod experiments;
mod flagd;
mod import;
mod openfeature;
mod schema;
mod security_export;
mod spine;
mod survival;
mod telemetry;

use std::time::Duration;

/// How long a change may take to be seen before a test gives up. Far above what it takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demo project's API path.
const SHOP: &str = "/api/v1/orgs/demo/projects/shop";
