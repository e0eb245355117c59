//! How often requests may come, if that is limited: from an address, and with a server's key.
//!
//! Each request counts once, for whom it can be held against. Who shows a server's key counts by the key: it is secret,
//! and many users may stand behind the address of one server. Everybody else counts by the address: a client's key is
//! public, and whoever likes could use up a quota of it for all others.
//!
//! Counted here alone. An answer takes microseconds, and asking anybody else would take longer.

use std::net::IpAddr;

use ff_evaluator::wire::KeyKind;
use ff_limits::{Left, Limit, Limits, Refused, SharedRecorder, Subject};

use crate::EdgeOptions;
use crate::keyring::Access;

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: Limits,
    address: Option<Limit>,
    key: Option<Limit>,
}

impl Quotas {
    /// What is limited; `None` if nothing is, so that nothing has to be looked at for each request.
    pub(crate) fn new(options: &EdgeOptions, recorder: SharedRecorder) -> Option<Self> {
        let address = options.address_quota.map(|quota| Limit::new("address", quota));
        let key = options.key_quota.map(|quota| Limit::new("key", quota));
        if address.is_none() && key.is_none() {
            return None;
        }
        Some(Self { limits: Limits::local_to(recorder), address, key })
    }

    /// Counts a request of who was let in, or of who was not. None is left of what is not limited.
    pub(crate) fn take(
        &self,
        access: Option<&Access>,
        address: impl FnOnce() -> IpAddr,
    ) -> Result<Option<Left>, Box<Refused>> {
        let ask = match access {
            Some(access) if access.kind == KeyKind::Server => {
                self.key.as_ref().map(|limit| (limit, Subject::Key(access.hash)))
            }
            _ => self.address.as_ref().map(|limit| (limit, Subject::Address(address()))),
        };
        ask.map(|ask| self.limits.take_here(&[ask], 1).map_err(Box::new)).transpose()
    }
}
