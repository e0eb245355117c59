//! What goes on by the clock: the time itself, summaries of what was throttled, and the uses of keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shared;
use super::sender::Outgoing;
use crate::Record;
use crate::message::Uses;
use crate::record::id_at;

const TICK: Duration = Duration::from_secs(1);
/// The most keys in a message.
const KEYS: usize = 1000;

pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    /// Weak, so that the queue ends with the last recorder.
    pub(super) queue: mpsc::WeakSender<Outgoing>,
    pub(super) client: Client,
    pub(super) interval: Duration,
    /// Says that nothing more comes from here.
    pub(super) emptied: DropGuard,
}

impl Keeper {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut tick = interval(TICK.min(self.interval));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut uses_sent = Instant::now();
        let mut outage = Outage::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            let now = Timestamp::now();
            self.shared.second.store(now.as_second(), Ordering::Relaxed);
            self.put(self.shared.throttle.sweep(now));
            if uses_sent.elapsed() >= self.interval {
                uses_sent = Instant::now();
                // While nothing can be sent the numbers grow where they are, which takes no memory.
                if self.client.connection_state() == State::Connected {
                    self.send_uses(now);
                }
                self.shared.meter.forget(now.as_second());
            }
            self.report(&mut outage);
        }
        let now = Timestamp::now();
        self.put(self.shared.throttle.sweep_all(now));
        self.send_uses(now);
        drop(self.emptied);
    }

    fn put(&self, records: Vec<Record>) {
        let Some(queue) = self.queue.upgrade() else { return };
        for record in records {
            if queue.try_send(Outgoing::Record(Box::new(record))).is_err() {
                self.shared.counts.lose(1);
            }
        }
    }

    fn send_uses(&self, now: Timestamp) {
        let Some(queue) = self.queue.upgrade() else { return };
        while let Ok(place) = queue.try_reserve() {
            let keys = self.shared.meter.drain(KEYS);
            if keys.is_empty() {
                break;
            }
            place.send(Outgoing::Uses(Uses { id: id_at(now), at: now, keys }));
        }
    }

    /// Says that records are lost: once until all that waited is stored.
    fn report(&self, outage: &mut Outage) {
        let Some(queue) = self.queue.upgrade() else { return };
        let status = self.shared.counts.status(queue.max_capacity() - queue.capacity());
        status.measure();
        if !outage.said && status.lost > outage.told {
            outage.said = true;
            tracing::error!(
                waiting = status.waiting,
                "records of security are lost: they cannot be sent, and there is no room for more"
            );
        } else if outage.said && status.working && status.waiting == 0 {
            let lost = status.lost - outage.told;
            *outage = Outage { said: false, told: status.lost };
            tracing::warn!(lost, "records of security are kept again");
        }
    }
}

/// What was said of losses.
#[derive(Debug, Default)]
struct Outage {
    said: bool,
    /// How many were lost in outages that are over.
    told: u64,
}
