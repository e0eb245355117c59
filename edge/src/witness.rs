//! What the security log hears of: keys that are used, and keys that are refused. Who has sent no key is nobody to tell of.

use std::net::IpAddr;

use ff_auth::keys;
use ff_front::Proxies;
use ff_security::{Recorder, Service};
use hyper::HeaderMap;

use crate::keyring::{Access, Keyring, Refused, read_ticket};

/// Tells the security log.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) recorder: Recorder,
    /// Whose word on the address of a client counts.
    pub(crate) proxies: Proxies,
}

/// Who sends a request, as far as an address can say it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'r> {
    pub(crate) peer: IpAddr,
    pub(crate) headers: &'r HeaderMap,
}

impl Witness {
    /// A key let somebody in. On the way of every request.
    pub(crate) fn let_in(&self, access: &Access, caller: Caller<'_>) {
        if let Some(id) = access.id {
            let organization = access.environment.served().organization;
            self.recorder.key_used(organization, id, Service::Edge, self.address(caller));
        }
    }

    /// A key, or the ticket of a change stream, was refused.
    pub(crate) fn refused(&self, keyring: &Keyring, shown: &str, why: Refused, caller: Caller<'_>) {
        let reason = match why {
            Refused::Missing => return,
            Refused::Expired => "expired",
            Refused::Unknown => match keys::parse(shown).map(|key| key.kind) {
                Err(_) if read_ticket(shown).is_none() => "malformed",
                Ok(keys::KeyKind::ApiToken) => "wrong_kind",
                // A revoked key is one of those: an edge knows living keys alone.
                _ => "unknown",
            },
        };
        self.tell(keyring.known(shown), reason, caller);
    }

    /// A client's key asked for what only a server's key may see.
    pub(crate) fn wrong_kind(&self, access: &Access, caller: Caller<'_>) {
        self.tell(Some(access), "wrong_kind", caller);
    }

    fn tell(&self, access: Option<&Access>, reason: &'static str, caller: Caller<'_>) {
        let organization = access.and_then(|access| access.environment.served().organization);
        let key = access.and_then(|access| access.id);
        self.recorder.key_refused(organization, key, Service::Edge, self.address(caller), reason);
    }

    /// Where the caller is.
    pub(crate) fn address(&self, caller: Caller<'_>) -> IpAddr {
        self.proxies.client(caller.peer, caller.headers)
    }
}
