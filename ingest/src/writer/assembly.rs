//! Making batches while the one before is written.
//!
//! The store asks for a batch when it has nothing to do. It gets one that has enough rows, or that has lingered for a
//! moment. Until it asks the batch grows: a busy writer has large batches and few parts, and an idle one is quick.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::options::WriterOptions;
use super::source::Read;

/// Where the batch that is asked for goes.
pub(super) type Request = oneshot::Sender<Batch>;

/// How many times the wanted rows a batch may have. Parts of this size cost ClickHouse a third less for each row, and
/// larger ones hardly less again.
const GROWTH: usize = 3;

/// The part between source and store.
#[derive(Debug)]
pub(super) struct Assembly {
    rows: usize,
    bytes: usize,
    linger: Duration,
    messages: mpsc::Receiver<Read>,
    requests: mpsc::Receiver<Request>,
}

impl Assembly {
    pub(super) fn new(
        options: &WriterOptions,
        messages: mpsc::Receiver<Read>,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let WriterOptions { batch_rows, batch_bytes, linger, .. } = *options;
        Self { rows: batch_rows, bytes: batch_bytes, linger, messages, requests }
    }

    /// Works until source or store are gone.
    pub(super) async fn run(mut self) {
        while let Some(first) = self.messages.recv().await {
            let ripe = Instant::now() + self.linger;
            let mut batch = Batch::default();
            batch.push(first);
            let request = loop {
                let full = batch.rows() >= GROWTH * self.rows || batch.bytes >= self.bytes;
                let is_ripe = full || batch.rows() >= self.rows || Instant::now() >= ripe;
                tokio::select! {
                    biased;
                    request = self.requests.recv(), if is_ripe => match request {
                        Some(request) => break request,
                        None => return,
                    },
                    message = self.messages.recv(), if !full => match message {
                        Some(message) => batch.push(message),
                        None => return,
                    },
                    () = sleep_until(ripe), if !is_ripe => {}
                }
            };
            if request.send(batch).is_err() {
                return;
            }
        }
    }
}
