//! From memory to FF_SECURITY, in the background.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::{Client, HeaderMap, jetstream};
use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::message::{Message, Uses};
use crate::patience::{Cause, Patience};
use crate::stream::find_or_make;
use crate::{Record, StreamOptions};

/// How many messages are sent before their answers are awaited.
const BATCH: usize = 256;
/// How long the answers of a batch may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the first connection may take before that is worth a warning.
const SETTLING: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// What waits in memory.
#[derive(Debug)]
pub(super) enum Outgoing {
    Record(Box<Record>),
    Uses(Uses),
}

pub(super) struct Sender {
    client: Client,
    context: jetstream::Context,
    stream: StreamOptions,
    /// The stream was found or made, and nothing says that it is gone.
    found: bool,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Outgoing>,
    /// Taken from the queue, and not known to be stored.
    waiting: Vec<Message>,
}

impl Sender {
    pub(super) fn new(
        client: Client,
        stream: StreamOptions,
        shared: Arc<Shared>,
        queue: mpsc::Receiver<Outgoing>,
    ) -> Self {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER);
        Self { client, context, stream, found: false, shared, queue, waiting: Vec::new() }
    }

    /// Sends until `stop`, then what is there, for as long as `farewell`. After `emptied` nothing is added.
    pub(super) async fn run(
        mut self,
        stop: CancellationToken,
        emptied: CancellationToken,
        farewell: Duration,
    ) {
        tokio::select! {
            () = self.send_all(&emptied) => {}
            () = async { stop.cancelled().await; sleep(farewell).await } => {}
        }
        self.queue.close();
        let mut left = self.waiting.len() as u64;
        while self.queue.try_recv().is_ok() {
            left += 1;
        }
        self.shared.counts.set_under_way(0);
        if left > 0 {
            self.shared.counts.lose(left);
            tracing::error!(left, "records of security were not sent before the end, and are lost");
        }
    }

    async fn send_all(&mut self, emptied: &CancellationToken) {
        let mut patience = Patience::new("sending records of security");
        self.settle().await;
        let mut batch = Vec::new();
        let mut closed = false;
        loop {
            if self.waiting.is_empty() {
                tokio::select! {
                    taken = self.queue.recv_many(&mut batch, BATCH) => {
                        if taken == 0 {
                            return;
                        }
                    }
                    () = emptied.cancelled(), if !closed => {
                        closed = true;
                        self.queue.close();
                        continue;
                    }
                }
                self.waiting.extend(batch.drain(..).map(Message::from));
            }
            self.shared.counts.set_under_way(self.waiting.len());
            let result = self.send().await;
            self.shared.counts.set_under_way(self.waiting.len());
            self.shared.counts.set_working(result.is_ok());
            match result {
                Ok(()) => patience.works(),
                Err(cause) => patience.wait(&*cause).await,
            }
        }
    }

    /// A process that has just started is connected in a moment, and nobody needs to hear that it was not.
    async fn settle(&self) {
        let connected = async {
            while self.client.connection_state() != State::Connected {
                sleep(LOOK).await;
            }
        };
        // Later it is an outage.
        let _ = timeout(SETTLING, connected).await;
    }

    /// Sends what waits. What is stored does not wait any more.
    async fn send(&mut self) -> Result<(), Cause> {
        // The client would keep messages until it is connected again, and send some of them twice.
        if self.client.connection_state() != State::Connected {
            return Err("there is no connection to NATS".into());
        }
        if !self.found {
            timeout(ANSWER, find_or_make(&self.context, &self.stream)).await??;
            self.found = true;
        }
        let answers = timeout(ANSWER, self.publish()).await?;
        let mut failure = None;
        let mut answers = answers.into_iter();
        let before = self.waiting.len();
        self.waiting.retain(|_| match answers.next() {
            Some(Ok(())) => false,
            Some(Err(cause)) => {
                failure = Some(cause);
                true
            }
            None => true,
        });
        self.shared.counts.store((before - self.waiting.len()) as u64);
        match failure {
            None => Ok(()),
            Some(error) => {
                self.found &= error.kind() != PublishErrorKind::StreamNotFound;
                Err(error.into())
            }
        }
    }

    /// The answers, in the order of what waits.
    async fn publish(&self) -> Vec<Result<(), jetstream::context::PublishError>> {
        let sent = self.waiting.iter().map(async |message| {
            let mut headers = HeaderMap::new();
            headers.insert(async_nats::header::NATS_MESSAGE_ID, message.id().to_string());
            let sent: PublishAckFuture = self
                .context
                .publish_with_headers(message.subject(), headers, message.write())
                .await?;
            sent.await.map(drop)
        });
        join_all(sent).await
    }
}

impl From<Outgoing> for Message {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Record(record) => Self::Record(Box::new((*record).into())),
            Outgoing::Uses(uses) => Self::Uses(uses),
        }
    }
}
