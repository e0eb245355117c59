//! How often keys are used, and from which networks: asked on every request of edge and ingest.
//!
//! A key that was seen before costs one look-up in a map that nobody locks, and a few additions. A new key makes a new
//! map, which happens as often as there are keys.

mod networks;

use std::array;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::Service;
use crate::message::KeyUse;
use crate::network::Network;
use networks::Networks;
pub(crate) use networks::Seen;

/// Parts of the map; each is copied when a key comes to it.
const SHARDS: usize = 64;
/// Seconds after which a key without use is forgotten here.
const FORGET: i64 = 2 * 60 * 60;
const HOUR: i64 = 60 * 60;

type Shard = FxHashMap<(Uuid, Service), Arc<Use>>;

#[derive(Debug)]
pub(crate) struct Meter {
    shards: [ArcSwap<Shard>; SHARDS],
    changing: Mutex<()>,
    /// With a secret of this process, so that nobody can choose networks that look like one.
    hasher: RandomState,
}

/// One key at one service. Times are in seconds.
#[derive(Debug)]
struct Use {
    organization: Option<Uuid>,
    first: i64,
    last: AtomicI64,
    uses: AtomicU64,
    networks: Networks,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            shards: array::from_fn(|_| ArcSwap::default()),
            changing: Mutex::new(()),
            hasher: RandomState::new(),
        }
    }

    /// Counts a use, and says whether this network was seen with the key in this hour.
    pub(crate) fn used(
        &self,
        now: i64,
        organization: Option<Uuid>,
        key: Uuid,
        service: Service,
        address: IpAddr,
    ) -> Seen {
        let shard = &self.shards[shard_of(key)];
        match shard.load().get(&(key, service)) {
            Some(found) => self.count(found, now, address),
            None => self.count(&self.add(shard, now, organization, (key, service)), now, address),
        }
    }

    fn count(&self, found: &Use, now: i64, address: IpAddr) -> Seen {
        found.uses.fetch_add(1, Ordering::Relaxed);
        if found.last.load(Ordering::Relaxed) != now {
            found.last.store(now, Ordering::Relaxed);
        }
        let hash = self.hasher.hash_one(Network::of(address));
        found.networks.see(now.div_euclid(HOUR), hash)
    }

    #[cold]
    fn add(
        &self,
        shard: &ArcSwap<Shard>,
        now: i64,
        organization: Option<Uuid>,
        key: (Uuid, Service),
    ) -> Arc<Use> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shard.load().get(&key) {
            return Arc::clone(found);
        }
        let new = Arc::new(Use {
            organization,
            first: now,
            last: AtomicI64::new(now),
            uses: AtomicU64::new(0),
            networks: Networks::default(),
        });
        let mut next = Shard::clone(&shard.load());
        next.insert(key, Arc::clone(&new));
        shard.store(Arc::new(next));
        new
    }

    /// Takes out up to `most` keys that were used since they were taken out last.
    pub(crate) fn drain(&self, most: usize) -> Vec<KeyUse> {
        let mut drained = Vec::new();
        for shard in &self.shards {
            for ((key, service), found) in shard.load().iter() {
                if drained.len() == most {
                    return drained;
                }
                // Read first: most keys are idle most of the time, and a swap takes the line from who counts.
                if found.uses.load(Ordering::Relaxed) == 0 {
                    continue;
                }
                drained.push(KeyUse {
                    key: *key,
                    service: *service,
                    organization: found.organization,
                    first: timestamp(found.first),
                    last: timestamp(found.last.load(Ordering::Relaxed)),
                    uses: found.uses.swap(0, Ordering::Relaxed),
                });
            }
        }
        drained
    }

    /// Forgets keys that were not used for long: revoked ones, most of them.
    pub(crate) fn forget(&self, now: i64) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in &self.shards {
            let idle = |found: &Arc<Use>| {
                found.last.load(Ordering::Relaxed) < now - FORGET
                    && found.uses.load(Ordering::Relaxed) == 0
            };
            let known = shard.load();
            if known.values().any(idle) {
                let mut next = Shard::clone(&known);
                next.retain(|_, found| !idle(found));
                shard.store(Arc::new(next));
            }
        }
    }
}

fn shard_of(key: Uuid) -> usize {
    // The last bytes are random in ids of every version.
    usize::from(key.as_bytes()[15]) % SHARDS
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const EDGE: Service = Service::Edge;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn uses_are_counted_by_key_and_service() {
        let meter = Meter::new();
        let (one, org) = (Uuid::from_u128(1), Some(Uuid::from_u128(9)));
        for second in 0..5 {
            meter.used(NOW + second, org, one, EDGE, address("192.0.2.1"));
        }
        meter.used(NOW, org, one, Service::Ingest, address("192.0.2.1"));
        let drained = meter.drain(10);
        assert_eq!(drained.len(), 2);
        let edge = drained.iter().find(|each| each.service == EDGE).unwrap();
        assert_eq!((edge.uses, edge.organization), (5, org));
        assert_eq!((edge.first.as_second(), edge.last.as_second()), (NOW, NOW + 4));
        assert!(meter.drain(10).is_empty());
        meter.used(NOW + 60, org, one, EDGE, address("192.0.2.1"));
        assert_eq!(meter.drain(10)[0].uses, 1);
    }

    #[test]
    fn uses_are_taken_out_in_parts() {
        let meter = Meter::new();
        for n in 0..100 {
            meter.used(NOW, None, Uuid::from_u128(n), EDGE, address("192.0.2.1"));
        }
        let parts: Vec<usize> = std::iter::repeat_with(|| meter.drain(40).len()).take(4).collect();
        assert_eq!(parts, [40, 40, 20, 0]);
    }

    #[test]
    fn a_network_is_new_once_an_hour() {
        let meter = Meter::new();
        let start = NOW - NOW % HOUR;
        let used =
            |second, text| meter.used(start + second, None, Uuid::nil(), EDGE, address(text));
        assert_eq!(used(0, "192.0.2.1"), Seen::First);
        assert_eq!(used(HOUR - 1, "192.0.2.77"), Seen::Before);
        assert_eq!(used(HOUR - 1, "2001:db8::1"), Seen::First);
        assert_eq!(used(HOUR, "192.0.2.1"), Seen::First);
        assert_eq!(used(HOUR, "192.0.2.1"), Seen::Before);
    }

    #[test]
    fn idle_keys_are_forgotten_and_unsent_ones_are_not() {
        let meter = Meter::new();
        let keys = || meter.shards.iter().map(|shard| shard.load().len()).sum::<usize>();
        meter.used(NOW, None, Uuid::from_u128(1), EDGE, address("192.0.2.1"));
        meter.used(NOW + FORGET, None, Uuid::from_u128(2), EDGE, address("192.0.2.1"));
        meter.forget(NOW + FORGET + 1);
        assert_eq!(keys(), 2);
        meter.drain(10);
        meter.forget(NOW + FORGET + 1);
        assert_eq!(keys(), 1);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let meter = Meter::new();
        let mut counted = 0;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for n in 0..10_000_u32 {
                            let key = Uuid::from_u128(u128::from(n % 50));
                            meter.used(NOW, None, key, EDGE, address("192.0.2.1"));
                        }
                    })
                })
                .collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                counted += meter.drain(usize::MAX).iter().map(|each| each.uses).sum::<u64>();
            }
        });
        counted += meter.drain(usize::MAX).iter().map(|each| each.uses).sum::<u64>();
        assert_eq!(counted, 40_000);
    }
}
