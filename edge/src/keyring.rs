//! Who may ask: every key of every environment, found by its hash.

use std::sync::Arc;

use bytes::Bytes;
use ff_evaluator::wire::{KeyKind, KeyObject, ObjectKind};
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::environment::Environment;
use crate::fragments::write_json;
use crate::held::Objects;

/// What a key lets in to.
#[derive(Debug)]
pub(crate) struct Access {
    /// The key's own; absent of a publisher whose keys have names of another kind.
    pub(crate) id: Option<Uuid>,
    pub(crate) hash: Digest,
    pub(crate) environment: Arc<Environment>,
    pub(crate) kind: KeyKind,
    pub(crate) expires_at: Option<Timestamp>,
    /// Ends the key's open streams, when it is revoked or the edge stops.
    pub(crate) revoked: CancellationToken,
    /// Where OFREP clients hear of changes, as part of a bulk answer.
    pub(crate) event_streams: Bytes,
    /// The object it was made of.
    source: Bytes,
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The request has none.
    Missing,
    /// It is malformed, unknown or revoked.
    Unknown,
    /// Its time is over.
    Expired,
}

type Digest = [u8; 32];

#[derive(Debug, Default)]
pub(crate) struct Keyring {
    by_hash: FxHashMap<Digest, Arc<Access>>,
    /// By what stands in the address of a change stream, where no header can be sent.
    by_ticket: FxHashMap<Digest, Arc<Access>>,
}

impl Keyring {
    /// Finds who shows a key.
    pub(crate) fn find(&self, text: &str) -> Result<Arc<Access>, Refused> {
        let key = ff_auth::keys::parse(text).map_err(|_| Refused::Unknown)?;
        valid(self.by_hash.get(key.hash.as_bytes()))
    }

    /// Whose key or ticket this is, also when its time is over.
    pub(crate) fn known(&self, text: &str) -> Option<&Access> {
        if let Ok(key) = ff_auth::keys::parse(text) {
            return self.by_hash.get(key.hash.as_bytes()).map(|access| &**access);
        }
        self.by_ticket.get(&read_ticket(text)?).map(|access| &**access)
    }

    /// Finds who shows the ticket of a change stream.
    pub(crate) fn find_by_ticket(&self, text: &str) -> Result<Arc<Access>, Refused> {
        valid(self.by_ticket.get(&read_ticket(text).ok_or(Refused::Unknown)?))
    }

    /// The same keys, with those of one environment as `objects` says. Open streams of keys that are not among
    /// them any more are ended.
    pub(crate) fn with(
        &self,
        environment: &Arc<Environment>,
        objects: &Objects,
        public_url: Option<&str>,
        root: &CancellationToken,
    ) -> Self {
        let of_others = |access: &Arc<Access>| !Arc::ptr_eq(&access.environment, environment);
        let mut next = Self::default();
        for (hash, access) in self.by_hash.iter().filter(|(_, access)| of_others(access)) {
            next.insert(*hash, Arc::clone(access));
        }
        for ((kind, _), source) in objects {
            if *kind != ObjectKind::Key {
                continue;
            }
            let Some((hash, key)) = read(source) else {
                tracing::error!("a key of the config cannot be read and is left out");
                continue;
            };
            let known = self.by_hash.get(&hash).filter(|access| access.source == *source);
            let access = known.filter(|access| !of_others(access)).cloned().unwrap_or_else(|| {
                Arc::new(Access {
                    id: key.id.parse().ok(),
                    hash,
                    environment: Arc::clone(environment),
                    kind: key.kind,
                    expires_at: key.expires_at,
                    revoked: root.child_token(),
                    event_streams: event_streams(&ticket(&hash), public_url),
                    source: source.clone(),
                })
            });
            next.insert(hash, access);
        }
        for (hash, access) in &self.by_hash {
            if !next.by_hash.get(hash).is_some_and(|kept| Arc::ptr_eq(kept, access)) {
                access.revoked.cancel();
            }
        }
        next
    }

    fn insert(&mut self, hash: Digest, access: Arc<Access>) {
        self.by_ticket.insert(ticket(&hash), Arc::clone(&access));
        self.by_hash.insert(hash, access);
    }
}

fn valid(found: Option<&Arc<Access>>) -> Result<Arc<Access>, Refused> {
    let access = found.ok_or(Refused::Unknown)?;
    match access.expires_at {
        Some(at) if at <= Timestamp::now() => Err(Refused::Expired),
        _ => Ok(Arc::clone(access)),
    }
}

fn read(source: &Bytes) -> Option<(Digest, KeyObject)> {
    let key: KeyObject = serde_json::from_slice(source).ok()?;
    let mut hash = [0; 32];
    hex::decode_to_slice(&key.hash, &mut hash).ok()?;
    Some((hash, key))
}

/// What opens the change stream of a key and nothing else: a browser's `EventSource` sends no headers, and a key
/// in an address would end up in logs. Every edge computes the same.
fn ticket(hash: &Digest) -> Digest {
    let mut digest = Sha256::new();
    digest.update(b"ff change stream\n");
    digest.update(hash);
    digest.finalize().into()
}

/// What a ticket says, if it is one.
pub(crate) fn read_ticket(text: &str) -> Option<Digest> {
    let mut ticket = [0; 32];
    hex::decode_to_slice(text, &mut ticket).ok()?;
    Some(ticket)
}

fn event_streams(ticket: &Digest, public_url: Option<&str>) -> Bytes {
    let path = format!("/ofrep/v1/stream?ticket={}", hex::encode(ticket));
    let stream = match public_url {
        Some(origin) => {
            let url = format!("{}{path}", origin.trim_end_matches('/'));
            serde_json::json!([{"type": "sse", "url": url}])
        }
        None => serde_json::json!([{"type": "sse", "endpoint": {"requestUri": path}}]),
    };
    let mut out = Vec::new();
    write_json(&mut out, &stream);
    out.into()
}
