//! Places for connections: how many there are, and how many of them one address may take.
//!
//! A connection costs its owner little and lasts as long as a stream does. Without a share for each address, one that
//! opens all there are and says little on each keeps everybody else out. When all places are taken, whoever comes next
//! waits; when an address has its share, its next connection is closed before anything is read from it, a handshake
//! included. Proxies that are trusted have no share: everybody's connections come from them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Proxies;

/// The name of the metric that counts connections which were closed because their address had its share.
pub const REFUSED_CONNECTIONS: &str = "ff_front_connections_refused_total";

/// How long it is between two warnings at least.
const SILENCE: Duration = Duration::from_secs(60);

/// How many connections may be open at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of everybody together; more wait until one ends.
    pub all: NonZeroUsize,
    /// Of one address, which is a /64 in IPv6; more are closed at once.
    pub of_address: NonZeroUsize,
}

/// Hands out places. Clones hand out the same ones.
#[derive(Debug, Clone)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    room: Arc<Semaphore>,
    limits: ConnectionLimits,
    proxies: Proxies,
    refused: Counter,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Never more than there are places: who has no connection is not in it.
    of: HashMap<IpAddr, usize>,
    /// Refused since the last warning.
    unsaid: u64,
    said: Option<Instant>,
}

/// The right to be connected. It ends with this.
#[derive(Debug)]
pub(crate) struct Place {
    _room: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// One connection of an address.
#[derive(Debug)]
struct Share {
    places: Places,
    address: IpAddr,
}

impl ConnectionLimits {
    /// So many in all, and a quarter of them for one address.
    #[must_use]
    pub const fn quartered(all: NonZeroUsize) -> Self {
        let of_address = match NonZeroUsize::new(all.get() / 4) {
            Some(quarter) => quarter,
            None => NonZeroUsize::MIN,
        };
        Self { all, of_address }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        const ALL: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not zero");
        Self::quartered(ALL)
    }
}

impl Places {
    /// So many places. `proxies` may take all of them, and `refused` counts who may not.
    #[must_use]
    pub fn new(limits: ConnectionLimits, proxies: Proxies, refused: Counter) -> Self {
        let room = Arc::new(Semaphore::new(limits.all.get().min(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Inner { room, limits, proxies, refused, open: Mutex::default() }))
    }

    /// Waits until there is a place.
    pub(crate) async fn room(&self) -> OwnedSemaphorePermit {
        let room = Arc::clone(&self.0.room).acquire_owned().await;
        room.expect("the semaphore is never closed")
    }

    /// The place of a connection from `peer`; none if its address has its share.
    pub(crate) fn take(&self, room: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.0.proxies.trusts(peer) {
            return Some(Place { _room: room, _share: None });
        }
        let address = network(peer);
        let mut open = self.open();
        let count = open.of.entry(address).or_default();
        if *count >= self.0.limits.of_address.get() {
            self.refuse(open);
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { _room: room, _share: Some(Share { places: self.clone(), address }) })
    }

    fn refuse(&self, mut open: MutexGuard<'_, Open>) {
        self.0.refused.increment(1);
        open.unsaid += 1;
        let now = Instant::now();
        if open.said.is_some_and(|said| now.duration_since(said) < SILENCE) {
            return;
        }
        open.said = Some(now);
        let refused = std::mem::take(&mut open.unsaid);
        drop(open);
        // Not which one: an address is personal data.
        tracing::warn!(
            connections.refused = refused,
            connections.of_address = self.0.limits.of_address,
            "an address has all connections that one may have; if it is a proxy, name it in FF_HTTP_TRUSTED_PROXIES"
        );
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.places.open();
        if let Some(count) = open.of.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.of.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, which is what one household or machine is given.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: usize, of_address: usize, proxies: &[&str]) -> Places {
        let number = |number| NonZeroUsize::new(number).unwrap();
        let limits = ConnectionLimits { all: number(all), of_address: number(of_address) };
        let proxies = Proxies::parse(proxies.iter().copied()).unwrap();
        Places::new(limits, proxies, Counter::noop())
    }

    async fn take(places: &Places, peer: &str) -> Option<Place> {
        places.take(places.room().await, peer.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_leaves_no_trace() {
        let places = places(10, 2, &[]);
        let mut mine = Vec::new();
        for peer in ["203.0.113.7", "::ffff:203.0.113.7"] {
            mine.push(take(&places, peer).await.unwrap());
        }
        assert!(take(&places, "203.0.113.7").await.is_none());
        let other = take(&places, "203.0.113.8").await.unwrap();
        assert_eq!(places.0.room.available_permits(), 7);
        drop(mine.pop());
        let again = take(&places, "203.0.113.7").await.unwrap();
        drop((mine, other, again));
        assert!(places.open().of.is_empty());
        assert_eq!(places.0.room.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_address() {
        let places = places(10, 1, &[]);
        let _one = take(&places, "2001:db8:1:2:3:4:5:6").await.unwrap();
        assert!(take(&places, "2001:db8:1:2::1").await.is_none());
        assert!(take(&places, "2001:db8:1:3::1").await.is_some());
    }

    #[tokio::test]
    async fn a_trusted_proxy_may_take_every_place() {
        let places = places(3, 1, &["10.0.0.0/8"]);
        let mut all = Vec::new();
        for peer in ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1"] {
            all.push(take(&places, peer).await.unwrap());
        }
        assert!(places.open().of.is_empty());
        assert_eq!(places.0.room.available_permits(), 0);
    }

    #[test]
    fn a_share_is_a_quarter_and_one_at_least() {
        for (all, share) in [(4096, 1024), (7, 1), (1, 1)] {
            let limits = ConnectionLimits::quartered(NonZeroUsize::new(all).unwrap());
            assert_eq!(limits.of_address.get(), share, "{all}");
        }
        // What nobody's memory could hold is no reason to fall over.
        let _ = places(usize::MAX, usize::MAX, &[]);
    }
}
