//! The control plane: REST over commands and queries.
//!
//! A handler here is a translation. It takes keys and a body from a request, makes a command or a query of them, and
//! makes an answer of what comes back. What may be decided is decided in `ff-domain`, and what is true is in the
//! event log; nothing here keeps state that would be missed after a restart.
//!
//! Invariants:
//! - No route is open without a principal, but for the handful that [`routes`] lists as public. A test reads the
//!   list of routes from the OpenAPI document, so a new one cannot be forgotten.
//! - A command needs no Postgres: who is asking follows from the log.
//! - What does not exist and what belongs to someone else are the same 404.
//! - Every error is a problem document that names the place and has a code with a page.

mod app;
mod docs;
mod doorkeeper;
pub mod identity;
mod middleware;
mod openapi;
mod options;
mod problem;
mod request;
mod respond;
mod routes;
mod service;

pub use app::{App, Parts};
pub use doorkeeper::Doorkeeper;
pub use middleware::Quota;
pub use openapi::openapi;
pub use options::ControlOptions;
pub use problem::{FieldError, Problem};
pub use routes::router;
pub use service::{Control, ControlError};
