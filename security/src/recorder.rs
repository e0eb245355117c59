//! Taking records, wherever something happens: into memory at once, to FF_SECURITY in the background.

mod counts;
mod keeper;
mod sender;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_nats::Client;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::{Builder, Uuid};

use crate::meter::{Meter, Seen};
use crate::network::Network;
use crate::throttle::Throttle;
use crate::{Kind, Outcome, Record, Service, StreamOptions, Subject, ThrottleOptions};
use counts::Counts;
pub use counts::RecorderStatus;
use keeper::Keeper;
use sender::{Outgoing, Sender};

/// How long what is in memory may take to be sent when the process ends.
const FAREWELL: Duration = Duration::from_secs(2);
const HOUR: i64 = 60 * 60;

/// How a recorder is set up.
#[derive(Debug, Clone)]
pub struct RecorderOptions {
    /// The stream, if it has to be made.
    pub stream: StreamOptions,
    /// The most records in memory. What comes when it is full is lost, and counted.
    pub buffer: usize,
    /// How much of what anybody can bring about is recorded.
    pub throttle: ThrottleOptions,
    /// How often the uses of keys are sent.
    pub key_use_interval: Duration,
}

impl Default for RecorderOptions {
    /// 10,000 records, and the uses of keys once a minute.
    fn default() -> Self {
        Self {
            stream: StreamOptions::default(),
            buffer: 10_000,
            throttle: ThrottleOptions::default(),
            key_use_interval: Duration::from_secs(60),
        }
    }
}

/// Takes records. Cheap to clone; all clones are one.
///
/// Recording never blocks and never fails. While NATS is away records wait in memory, as many as there is room for.
#[derive(Clone, Default)]
pub struct Recorder(Option<Arc<Running>>);

struct Running {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Outgoing>,
    finished: CancellationToken,
    /// Ends the tasks when nobody records any more.
    stop: DropGuard,
}

/// What the recorder and its tasks share.
#[derive(Debug)]
struct Shared {
    meter: Meter,
    throttle: Throttle,
    counts: Counts,
    /// The second it is. Read on every request, so it is not asked of the system each time.
    second: AtomicI64,
}

impl Shared {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

impl Recorder {
    /// Records nothing: for tests and tools.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Begins to record. NATS need not be there yet.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(client: Client, options: RecorderOptions) -> Self {
        let (queue, queued) = mpsc::channel(options.buffer.max(1));
        let shared = Arc::new(Shared {
            meter: Meter::new(),
            throttle: Throttle::new(options.throttle),
            counts: Counts::default(),
            second: AtomicI64::new(Timestamp::now().as_second()),
        });
        let stop = CancellationToken::new();
        let finished = CancellationToken::new();
        let emptied = CancellationToken::new();
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            queue: queue.downgrade(),
            client: client.clone(),
            interval: options.key_use_interval,
            emptied: emptied.clone().drop_guard(),
        };
        tokio::spawn(keeper.run(stop.clone()));
        let sender = Sender::new(client, options.stream, Arc::clone(&shared), queued);
        let end = finished.clone().drop_guard();
        let stopping = stop.clone();
        tokio::spawn(async move {
            sender.run(stopping, emptied, FAREWELL).await;
            drop(end);
        });
        Self(Some(Arc::new(Running { shared, queue, finished, stop: stop.drop_guard() })))
    }

    /// Records something.
    pub fn record(&self, record: Record) {
        let Some(running) = &self.0 else { return };
        if let Some(record) = running.shared.throttle.admit(running.shared.now(), record) {
            running.put(record);
        }
    }

    /// Counts a use of a key that was let in. Takes well below a microsecond, and allocates nothing for a key that
    /// was seen before, so it may be called on every request.
    ///
    /// The log gets one record for each key, service, network (/24, or /64 of IPv6) and hour, however many processes
    /// count; how often and when last is kept for each key and service.
    pub fn key_used(
        &self,
        organization: Option<Uuid>,
        key: Uuid,
        service: Service,
        address: IpAddr,
    ) {
        let Some(running) = &self.0 else { return };
        let second = running.shared.second.load(Ordering::Relaxed);
        match running.shared.meter.used(second, organization, key, service, address) {
            Seen::Before => {}
            seen => running.put_use(second, organization, key, service, address, seen),
        }
    }

    /// Records that a key was shown and refused. `key` is known only of a key that has existed here.
    ///
    /// Reasons: `malformed`, `unknown` (which a revoked key is where only living keys are known), `revoked`, `expired`,
    /// `wrong_kind`.
    pub fn key_refused(
        &self,
        organization: Option<Uuid>,
        key: Option<Uuid>,
        service: Service,
        address: IpAddr,
        reason: &'static str,
    ) {
        if self.0.is_some() {
            let record = Record::new(Timestamp::now(), Kind::KeyRefused, Outcome::Refused, service)
                .organization(organization)
                .subject(key.map(Subject::key))
                .address(address)
                .reason(reason);
            self.record(record);
        }
    }

    /// What became of the records so far.
    #[must_use]
    pub fn status(&self) -> RecorderStatus {
        self.0.as_ref().map(|running| running.status()).unwrap_or_default()
    }

    /// Sets the metrics `ff_security_…` of the recorder that is the current one for `metrics`. The process's own is
    /// set every second without this.
    pub fn measure(&self) {
        if let Some(running) = &self.0 {
            running.status().measure();
        }
    }

    /// Ends recording, for all clones: sends what is in memory, and waits for it, two seconds at most.
    pub async fn close(&self) {
        if let Some(running) = &self.0 {
            running.stop.token().cancel();
            // The sender keeps to its time; this is for one that never ran.
            let _ = timeout(FAREWELL * 2, running.finished.cancelled()).await;
        }
    }
}

impl Running {
    fn put(&self, record: Record) {
        if self.queue.try_send(Outgoing::Record(Box::new(record))).is_err() {
            self.shared.counts.lose(1);
        }
    }

    #[cold]
    fn put_use(
        &self,
        second: i64,
        organization: Option<Uuid>,
        key: Uuid,
        service: Service,
        address: IpAddr,
        seen: Seen,
    ) {
        let network = (seen == Seen::First).then(|| Network::of(address));
        let at = self.shared.now();
        let mut record = Record {
            id: use_id(second, key, service, network),
            ..Record::new(at, Kind::KeyUsed, Outcome::Ok, service)
        }
        .organization(organization)
        .subject(Subject::key(key));
        match network {
            Some(_) => record.address = Some(address),
            None => record.reason = Some("many_networks"),
        }
        self.put(record);
    }

    fn status(&self) -> RecorderStatus {
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        self.shared.counts.status(waiting)
    }
}

/// The same in every process, so that the same use seen by many edges, or after a restart, is one record.
fn use_id(second: i64, key: Uuid, service: Service, network: Option<Network>) -> Uuid {
    let hour = second.div_euclid(HOUR);
    let mut digest = Sha256::new();
    digest.update(b"ff key used\n");
    digest.update(key.as_bytes());
    digest.update(hour.to_be_bytes());
    digest.update(network.map_or([0; 8], |network| network.bits().to_be_bytes()));
    digest.update([u8::from(network.is_some())]);
    digest.update(service.as_str());
    let digest: [u8; 32] = digest.finalize().into();
    let random: [u8; 10] = digest[..10].try_into().expect("ten of 32 bytes");
    let millis = u64::try_from(hour * HOUR * 1000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("records", &self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_recorded_without_a_recorder() {
        let none = Recorder::none();
        let address = "192.0.2.1".parse().unwrap();
        none.record(Record::new(Timestamp::now(), Kind::SignIn, Outcome::Ok, Service::Control));
        none.key_used(None, Uuid::nil(), Service::Edge, address);
        none.key_refused(None, None, Service::Edge, address, "unknown");
        assert_eq!(none.status(), RecorderStatus::default());
    }

    #[test]
    fn a_use_has_one_id_in_its_hour() {
        let (key, edge) = (Uuid::from_u128(1), Service::Edge);
        let network = Some(Network::of("192.0.2.1".parse().unwrap()));
        let id = use_id(7200, key, edge, network);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id, use_id(7200 + 3599, key, edge, network));
        for other in [
            use_id(7200 + 3600, key, edge, network),
            use_id(7200, Uuid::from_u128(2), edge, network),
            use_id(7200, key, Service::Ingest, network),
            use_id(7200, key, edge, None),
        ] {
            assert_ne!(id, other);
        }
    }
}
