//! From FF_TELEMETRY to ClickHouse, in order, nothing left out.
//!
//! ```text
//! source (messages in order) ─▶ assembly (decoded, 10,000 rows or when the store is idle) ─▶ store (tables, then progress)
//! ```
//!
//! The newest row of `telemetry_progress` says up to which position everything is in the tables. It is written after
//! the rows of a batch, and reading begins behind it. A crash anywhere therefore loses nothing and repeats at most
//! the batch after the last progress. Repeated rows are harmless: an event's id is part of the sorting key of its
//! table, and a sender's row is the same for the same message.
//!
//! A failure that will pass (no ClickHouse, no NATS, no table yet) is waited for, with two batches in memory and
//! everything else in the stream. What will never pass is parked with its error, and the rest goes on.

mod assembly;
mod batch;
mod error;
mod measure;
mod options;
mod park;
mod patience;
mod refusal;
mod rows;
mod source;
mod status;
mod store;

use async_nats::jetstream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use error::{ReplayError, WriterError};
pub use options::WriterOptions;
pub use park::replay_parked;
pub use status::{Progress, Status};

use assembly::Assembly;
use park::Parking;
use source::Source;
use store::{Stopped, Store};

/// The writer. Any number may run; each writes everything, so one is enough and two are only waste.
#[derive(Debug)]
pub struct Writer {
    options: WriterOptions,
    status: Status,
}

impl Writer {
    /// A writer that has not begun.
    #[must_use]
    pub fn new(options: WriterOptions) -> Self {
        Self { options, status: Status::default() }
    }

    /// How far it is, for readiness.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Writes until it is cancelled. Dropping the future is as good: what was begun is repeated by the next one.
    ///
    /// # Errors
    /// When the stream is not the one that was written from so far. No failure of ClickHouse or NATS ends it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), WriterError> {
        measure::describe();
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            result = self.follow(stop.clone()) => result,
        }
    }

    async fn follow(self, stop: CancellationToken) -> Result<(), WriterError> {
        let patient = self
            .options
            .nats
            .connect("ff-telemetry-writer", |usual| usual.retry_on_initial_connect());
        let client = patient.await?;
        let context = jetstream::new(client.clone());
        let parking = Parking::new(context.clone(), self.options.replicas);
        let mut store = Store::new(&self.options, parking, self.status.clone(), stop.clone());
        let Ok(written) = store.progress().await else { return Ok(()) };
        self.status.begin(written);

        let (messages_in, messages) = mpsc::channel(source::AHEAD);
        let (requests_in, requests) = mpsc::channel(1);
        let source = Source::new(client, context, written, self.status.clone());
        let mut source = AbortOnDropHandle::new(tokio::spawn(source.follow(messages_in)));
        let assembly = Assembly::new(&self.options, messages, requests);
        let _assembly = AbortOnDropHandle::new(tokio::spawn(assembly.run()));
        let ended = tokio::select! {
            result = &mut source => Some(result),
            Err(Stopped) = store.follow(&requests_in) => None,
        };
        let result = match ended {
            Some(result) => result,
            None if stop.is_cancelled() => return Ok(()),
            // The others end when the source does, which knows why.
            None => source.await,
        };
        result.expect("reading the stream does not panic")
    }
}
