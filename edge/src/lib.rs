//! The edge: answers evaluations and hands out config, from memory.
//!
//! It follows the stream `FF_CONFIG`, keeps the newest config of every environment, and a copy of it on disk. A
//! request touches nothing else: no database, no other service, no lock that a change of config could hold.
//!
//! Invariants:
//! - It serves with everything else down, also after a restart: the copy on disk is enough.
//! - A request sees one config from its start to its end, and never half a change.
//! - A key sees one environment. A client's key sees only flags marked for clients, and never a rule.
//! - No input makes it fail: what cannot be answered is a 4xx that says what is wrong with it.

mod connections;
mod disk;
mod environment;
mod error;
mod fragments;
mod held;
mod http;
mod keyring;
mod metrics;
mod ofrep;
mod options;
mod prepared;
mod problem;
mod quotas;
mod recent;
mod sdk;
mod served;
mod service;
mod store;
mod stream;
mod sync;
mod witness;

pub use error::EdgeError;
pub use options::EdgeOptions;
pub use service::Edge;
