//! What the security log hears of: keys that are used, and keys that are refused. Who has sent no key is nobody to tell of.

use std::net::IpAddr;
use std::sync::Arc;

use ff_auth::keys;
use ff_security::{Recorder, Service};

use crate::config::{Config, Environment, Key};
use crate::problem::Problem;

/// Tells the security log.
#[derive(Debug)]
pub(crate) struct Witness(pub(crate) Recorder);

impl Witness {
    /// Finds who shows a key, and tells of it.
    pub(crate) fn find(
        &self,
        config: &Config,
        shown: &str,
        address: IpAddr,
    ) -> Result<(Arc<Key>, Arc<Environment>), Problem> {
        let found = config.find(shown);
        match &found {
            Ok((key, environment)) => {
                if let Some(id) = key.id {
                    self.0.key_used(environment.owner, id, Service::Ingest, address);
                }
            }
            Err(problem) => {
                if let Some(reason) = reason(problem, shown) {
                    let known = config.known(shown);
                    let organization =
                        known.as_ref().and_then(|(_, environment)| environment.owner);
                    let key = known.and_then(|(key, _)| key.id);
                    self.0.key_refused(organization, key, Service::Ingest, address, reason);
                }
            }
        }
        found
    }
}

fn reason(problem: &Problem, shown: &str) -> Option<&'static str> {
    match problem {
        Problem::KeyExpired => Some("expired"),
        Problem::KeyUnknown => Some(match keys::parse(shown).map(|key| key.kind) {
            Err(_) => "malformed",
            Ok(keys::KeyKind::ApiToken) => "wrong_kind",
            // A revoked key is one of those: only living keys are known here.
            Ok(_) => "unknown",
        }),
        _ => None,
    }
}
