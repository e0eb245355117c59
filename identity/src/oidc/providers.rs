//! The providers in use, their keys included, each read again after a while or when a token names a key nobody knows.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::{
    outbound::Outbound,
    provider::{Provider, ProviderError},
};

/// How long a provider is used as it was read. A key it withdraws is accepted this long at most.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How long a failure answers for those who ask after it, so that a provider that hangs does not hold them one
/// after the other.
const FAILURE: SignedDuration = SignedDuration::from_secs(5);
/// How often an unknown key may have the keys fetched before their time.
const EARLY: SignedDuration = SignedDuration::from_secs(30);
/// A provider nobody comes from is forgotten: its documents may be a megabyte each.
const IDLE: Duration = Duration::from_secs(60 * 60);
const MOST: u64 = 1_000;

#[derive(Debug, Clone)]
pub(super) struct Providers {
    outbound: Outbound,
    /// By issuer. Whoever holds a slot is the one that asks; the others wait for what it finds.
    slots: Cache<String, Arc<Mutex<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    read: Option<(Timestamp, Arc<Provider>)>,
    failed: Option<(Timestamp, Arc<ProviderError>)>,
    early: Option<Timestamp>,
}

impl Providers {
    pub(super) fn new(outbound: Outbound) -> Self {
        Self { outbound, slots: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build() }
    }

    /// The provider, as read not long ago.
    pub(super) async fn get(
        &self,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Arc<Provider>, Arc<ProviderError>> {
        let slot = self.slot(issuer);
        let mut slot = slot.lock().await;
        if let Some((at, provider)) = &slot.read
            && now.duration_since(*at) < LIFETIME
        {
            return Ok(Arc::clone(provider));
        }
        if let Some((at, error)) = &slot.failed
            && now.duration_since(*at) < FAILURE
        {
            return Err(Arc::clone(error));
        }
        let found = Provider::discover(issuer, &self.outbound).await;
        slot.keep(found, now)
    }

    /// The provider with newer keys than `seen`, if there may be any: `None` when they were fetched just now.
    pub(super) async fn newer(
        &self,
        issuer: &str,
        seen: &Arc<Provider>,
        now: Timestamp,
    ) -> Result<Option<Arc<Provider>>, Arc<ProviderError>> {
        let slot = self.slot(issuer);
        let mut slot = slot.lock().await;
        if let Some((_, provider)) = &slot.read
            && !Arc::ptr_eq(provider, seen)
        {
            return Ok(Some(Arc::clone(provider)));
        }
        if slot.early.is_some_and(|at| now.duration_since(at) < EARLY) {
            return Ok(None);
        }
        slot.early = Some(now);
        let fetched = seen.with_keys_of_now(&self.outbound).await.map_err(Arc::new)?;
        slot.keep(Ok(fetched), now).map(Some)
    }

    fn slot(&self, issuer: &str) -> Arc<Mutex<Slot>> {
        self.slots.get_with_by_ref(issuer, Arc::default)
    }
}

impl Slot {
    fn keep(
        &mut self,
        found: Result<Provider, ProviderError>,
        now: Timestamp,
    ) -> Result<Arc<Provider>, Arc<ProviderError>> {
        match found {
            Ok(provider) => {
                let provider = Arc::new(provider);
                self.read = Some((now, Arc::clone(&provider)));
                self.failed = None;
                Ok(provider)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.failed = Some((now, Arc::clone(&error)));
                Err(error)
            }
        }
    }
}
