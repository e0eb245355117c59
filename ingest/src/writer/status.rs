//! How far the writer is, for whoever asks.

use tokio::sync::watch;

/// A handle to ask how far a writer is. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct Status {
    progress: watch::Sender<Progress>,
}

/// How far a writer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether ClickHouse has said up to where everything is written. Before that nothing is known.
    pub begun: bool,
    /// Everything up to this position is in the tables.
    pub position: u64,
    /// The last position of the stream that has been heard of.
    pub end: u64,
    /// Whether messages can be read from the stream at the moment.
    pub reading: bool,
    /// Whether ClickHouse takes rows at the moment.
    pub writing: bool,
    /// Messages that were parked since this writer began.
    pub parked: u64,
    /// Messages that had left the stream before they were written, since this writer began.
    pub lost: u64,
}

impl Progress {
    /// How many messages are not written yet.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// Whether it reads and writes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.begun && self.reading && self.writing
    }
}

impl Default for Status {
    fn default() -> Self {
        Self { progress: watch::Sender::new(Progress::default()) }
    }
}

impl Status {
    /// How far it is.
    #[must_use]
    pub fn get(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Waits until everything up to `position` is written.
    pub async fn written(&self, position: u64) {
        let mut watcher = self.progress.subscribe();
        let wait = watcher.wait_for(|progress| progress.begun && progress.position >= position);
        // It fails when the sender is gone, and this handle is one.
        let _ = wait.await;
    }

    pub(super) fn begin(&self, position: u64) {
        self.change(|progress| {
            progress.begun = true;
            progress.writing = true;
            progress.position = position;
            progress.end = progress.end.max(position);
        });
    }

    pub(super) fn reads(&self, reading: bool, end: Option<u64>) {
        self.change(|progress| {
            progress.reading = reading;
            progress.end = end.unwrap_or(progress.end);
        });
    }

    pub(super) fn writes(&self, writing: bool) {
        self.change(|progress| progress.writing = writing);
    }

    pub(super) fn has_written(&self, position: u64, parked: u64) {
        self.change(|progress| {
            progress.position = position;
            progress.end = progress.end.max(position);
            progress.parked += parked;
            progress.writing = true;
        });
    }

    pub(super) fn has_lost(&self, count: u64) {
        self.change(|progress| progress.lost += count);
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_if_modified(|progress| {
            let before = *progress;
            change(progress);
            *progress != before
        });
    }
}
