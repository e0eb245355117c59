//! The control plane: REST over commands and queries.
//!
//! A handler here is a translation. It takes keys and a body from a request, makes a command or a query of them, and
//! makes an answer of what comes back. What may be decided is decided in `ff-domain`, and what is true is in the
//! event log; nothing here keeps state that would be missed after a restart.
//!
//! Invariants:
//! - No route is open without a principal, but for the handful that [`routes`] lists as public. A test reads the
//!   list of routes from the OpenAPI document, so a new one cannot be forgotten.
//! - A command needs no Postgres: who is asking and what they may follows from the log, and is kept in memory.
//! - What does not exist and what belongs to someone else are the same 404.
//! - Every error is a problem document that names the place and has a code with a page.

mod app;
mod docs;
mod doorkeeper;
mod erasure;
mod middleware;
mod openapi;
mod options;
mod problem;
mod request;
mod respond;
mod rights;
mod routes;
mod service;

pub use app::{App, Parts};
pub use doorkeeper::{CsrfKey, Doorkeeper, DoorkeeperParts};
pub use erasure::{EraseError, Erased, Erasure};
pub use openapi::openapi;
pub use options::{ControlOptions, Quotas};
pub use problem::{FieldError, Problem};
pub use rights::Rights;
pub use routes::router;
pub use service::{Control, ControlError};
