//! Who may send, and which names there are: followed from `FF_CONFIG`, the newest kept in memory.
//!
//! Nothing else of the config is needed here, and nothing that must agree with another object, so hashes of whole
//! configs are the edge's business. While NATS is away, what is there goes on being used.

mod follower;
mod held;
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use async_nats::Client;
use ff_evaluator::wire::KeyKind;
use ff_nats::{ConnectError, Server};
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use uuid::Uuid;

pub(crate) use follower::Follower;

use crate::private::Hasher;
use crate::problem::Problem;

/// How many commands wait in the client while the connection is slow; each may be a message.
const CLIENT_QUEUE: usize = 64;

/// A connection that is made in the background, and made again whenever it is lost.
pub(crate) async fn connect(server: &Server) -> Result<Client, ConnectError> {
    let patient = server.connect("ff-ingest", |usual| {
        usual.retry_on_initial_connect().client_capacity(CLIENT_QUEUE)
    });
    patient.await
}

/// What a request is checked against. One task changes it; any number of requests read it without waiting.
#[derive(Debug, Default)]
pub(crate) struct Config {
    world: ArcSwap<World>,
    /// The whole stream was read once, even if there was nothing in it.
    complete: AtomicBool,
}

/// Every key and every environment.
#[derive(Debug, Default)]
struct World {
    keys: FxHashMap<[u8; 32], Arc<Key>>,
    environments: FxHashMap<Uuid, Arc<Environment>>,
}

/// A key that may send events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its own; absent of a publisher whose keys have names of another kind.
    pub(crate) id: Option<Uuid>,
    pub(crate) hash: [u8; 32],
    pub(crate) kind: KeyKind,
    environment: Uuid,
    expires_at: Option<Timestamp>,
}

/// An environment that events are of.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: Uuid,
    pub(crate) organization: Arc<Organization>,
    /// The organization's id, if the publisher says it.
    pub(crate) owner: Option<Uuid>,
    pub(crate) names: Names,
}

/// Names that the config has.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) flags: FxHashSet<Box<str>>,
    pub(crate) experiments: FxHashSet<Box<str>>,
    /// Of what happens, as in metric events; metrics are defined over them.
    pub(crate) metrics: FxHashSet<Box<str>>,
}

/// Whose environments they are.
#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) id: Uuid,
    pub(crate) hasher: Option<Hasher>,
}

impl Config {
    /// Who shows this key, and what for.
    pub(crate) fn find(&self, text: &str) -> Result<(Arc<Key>, Arc<Environment>), Problem> {
        let parsed = ff_auth::keys::parse(text).map_err(|_| Problem::KeyUnknown)?;
        match self.world.load().find(parsed.hash.as_bytes()) {
            Some((key, _)) if key.expires_at.is_some_and(|at| at <= Timestamp::now()) => {
                Err(Problem::KeyExpired)
            }
            Some(found) => Ok(found),
            None if self.is_complete() => Err(Problem::KeyUnknown),
            None => Err(Problem::NotReady),
        }
    }

    /// Whose key this is, also when its time is over.
    pub(crate) fn known(&self, text: &str) -> Option<(Arc<Key>, Arc<Environment>)> {
        let parsed = ff_auth::keys::parse(text).ok()?;
        self.world.load().find(parsed.hash.as_bytes())
    }

    /// Whether all there was has been read.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }
}

impl World {
    fn find(&self, hash: &[u8; 32]) -> Option<(Arc<Key>, Arc<Environment>)> {
        let key = self.keys.get(hash)?;
        let environment = self.environments.get(&key.environment)?;
        Some((Arc::clone(key), Arc::clone(environment)))
    }
}

#[cfg(test)]
impl Environment {
    /// One without any names.
    pub(crate) fn empty(id: Uuid) -> Self {
        let organization = Arc::new(Organization { id, hasher: None });
        Self { id, organization, owner: None, names: Names::default() }
    }
}
