//! What became of the records.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What became of the records so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecorderStatus {
    /// Messages that FF_SECURITY has on disk.
    pub sent: u64,
    /// Records that did not fit into memory, or were in it when the process ended.
    pub lost: u64,
    /// Records that wait in memory.
    pub waiting: usize,
    /// Whether what was sent last is stored.
    pub working: bool,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    lost: AtomicU64,
    /// Taken from the queue, and not known to be stored.
    under_way: AtomicU64,
    working: AtomicBool,
}

impl Counts {
    pub(super) fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn store(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn set_under_way(&self, count: usize) {
        self.under_way.store(count as u64, Ordering::Relaxed);
    }

    pub(super) fn set_working(&self, working: bool) {
        self.working.store(working, Ordering::Relaxed);
    }

    pub(super) fn status(&self, queued: usize) -> RecorderStatus {
        let under_way = self.under_way.load(Ordering::Relaxed);
        RecorderStatus {
            sent: self.sent.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            waiting: queued.saturating_add(usize::try_from(under_way).unwrap_or(usize::MAX)),
            working: self.working.load(Ordering::Relaxed),
        }
    }
}

impl RecorderStatus {
    pub(super) fn measure(&self) {
        metrics::counter!("ff_security_sent_total").absolute(self.sent);
        metrics::counter!("ff_security_lost_total").absolute(self.lost);
        #[expect(clippy::cast_precision_loss, reason = "what is in memory fits into a float")]
        metrics::gauge!("ff_security_waiting").set(self.waiting as f64);
        metrics::gauge!("ff_security_recording").set(f64::from(u8::from(self.working)));
    }
}
