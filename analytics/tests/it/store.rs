//! The store against a real engine, and against a computation of its own over the same random events.

mod events;
mod incremental;
mod kinds;
mod oracle;
mod server;
mod states;
