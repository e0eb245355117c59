//! How many events a key, an organization and an address may send: on this replica alone, or on all that share a Redis.
//!
//! An address counts for those who send with the key of a client, which is public: many users may stand behind the address
//! of one server.

use std::net::IpAddr;
use std::time::Duration;

use ff_limits::{Left, Limit, Limits, Quota, Refused, Subject};
use uuid::Uuid;

use crate::EventQuota;

/// Counts the events of every sender.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: Limits,
    key: Limit,
    organization: Limit,
    address: Option<Limit>,
}

/// Whose events they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    /// The hash of the key.
    pub(crate) key: [u8; 32],
    pub(crate) organization: Uuid,
    /// Of who has a client's key.
    pub(crate) address: Option<IpAddr>,
}

impl Quotas {
    /// A whole request of `most` events passes at least.
    pub(crate) fn new(
        limits: Limits,
        key: EventQuota,
        organization: EventQuota,
        address: Option<EventQuota>,
        most: usize,
    ) -> Self {
        let limit = |name, quota| Limit::new(name, window(quota, most)).counting("events");
        Self {
            limits,
            key: limit("key", key),
            organization: limit("organization", organization),
            address: address.map(|quota| limit("address", quota)),
        }
    }

    /// Refuses who has used up a quota, as far as that is known here; takes nothing.
    pub(crate) fn glance(&self, sending: Sending) -> Result<(), Refused> {
        self.limits.glance(&self.asks(sending))
    }

    /// Counts these events, or says how long to wait if they are too many; then none is counted.
    pub(crate) async fn take(&self, sending: Sending, events: u64) -> Result<Left, Refused> {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.limits.take(&self.asks(sending), events).await
    }

    fn asks(&self, sending: Sending) -> Vec<(&Limit, Subject)> {
        let mut asks = Vec::with_capacity(3);
        asks.push((&self.key, Subject::Key(sending.key)));
        asks.push((&self.organization, Subject::Organization(sending.organization)));
        if let (Some(limit), Some(address)) = (&self.address, sending.address) {
            asks.push((limit, Subject::Address(address)));
        }
        asks
    }
}

/// The burst, and the time in which all of it comes back.
fn window(EventQuota { per_second, burst }: EventQuota, most: usize) -> Quota {
    let burst = burst.get().max(u32::try_from(most).unwrap_or(u32::MAX));
    let nanos = u64::from(burst) * 1_000_000_000 / u64::from(per_second.get());
    Quota::new(burst, Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDING: Sending = Sending { key: [7; 32], organization: Uuid::nil(), address: None };

    fn quotas(per_second: u32, burst: u32, most: usize) -> Quotas {
        let quota = EventQuota::new(per_second, burst);
        Quotas::new(Limits::local(), quota, EventQuota::new(1_000_000, 1_000_000), None, most)
    }

    #[tokio::test]
    async fn a_burst_passes_and_then_there_is_a_wait() {
        let quotas = quotas(1, 100, 10);
        let left = quotas.take(SENDING, 60).await.unwrap();
        assert_eq!(left.tightest(), Some(("key", 40)));
        let refused = quotas.take(SENDING, 60).await.unwrap_err();
        // 20 are missing, one comes back in a second.
        assert!((19..=20).contains(&refused.wait()), "{refused:?}");
        assert!(quotas.glance(SENDING).is_ok());
        quotas.take(SENDING, 40).await.unwrap();
        assert!(quotas.glance(SENDING).is_err());
        assert_eq!(quotas.take(SENDING, 200).await.unwrap_err().wait(), 100);
    }

    #[tokio::test]
    async fn a_whole_request_always_fits_into_a_burst() {
        let left = quotas(1, 1, 50).take(SENDING, 50).await.unwrap();
        assert_eq!(left.tightest(), Some(("key", 0)));
    }

    #[tokio::test]
    async fn an_address_with_a_public_key_does_not_use_up_its_quota_for_others() {
        let (all, share) = (EventQuota::new(1, 100), EventQuota::new(1, 40));
        let quotas = Quotas::new(Limits::local(), all, all, Some(share), 10);
        let from = |last| Sending { address: Some([203, 0, 113, last].into()), ..SENDING };
        let left = quotas.take(from(7), 40).await.unwrap();
        assert_eq!(left.tightest(), Some(("address", 0)));
        assert_eq!(quotas.take(from(7), 1).await.unwrap_err().limit(), "address");
        assert_eq!(quotas.glance(from(7)).unwrap_err().limit(), "address");
        quotas.take(from(8), 40).await.unwrap();
        // A server's key has no address.
        assert_eq!(quotas.take(SENDING, 20).await.unwrap().tightest(), Some(("key", 0)));
    }
}
