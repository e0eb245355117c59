//! Filling an empty stream with the commits of an export.
//!
//! While it runs the stream's metadata says so, and no one else opens it: a half-imported log must
//! not be taken for a whole one.

use std::collections::VecDeque;

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM};
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::stream::Config;
use bytes::Bytes;

use super::connection::{Connection, unavailable};
use super::{LogOptions, STREAM_NAME, config, subject};
use crate::{ImportError, LogError, Position, StreamKey};

/// How many messages may be on the way at once.
const WINDOW: usize = 256;

/// An import under way.
pub(crate) struct Restore {
    connection: Connection,
    config: Config,
    epoch: u16,
    sent: u64,
    on_the_way: VecDeque<PublishAckFuture>,
}

impl Restore {
    /// Takes an absent or empty stream and puts it in `epoch`.
    pub(crate) async fn begin(options: &LogOptions, epoch: u16) -> Result<Self, ImportError> {
        let connection = Connection::open(options).await?;
        let wanted = config::stream(options, epoch);
        let importing = config::while_importing(wanted.clone());
        let found = connection.find_or_create(&importing).await?;
        if found.state.last_sequence > 0 {
            return Err(ImportError::NotEmpty { messages: found.state.messages });
        }
        let mut compared = found.config.clone();
        compared.metadata.clone_from(&wanted.metadata);
        config::check(&wanted, &compared)?;
        connection.update(&importing).await?;
        let on_the_way = VecDeque::with_capacity(WINDOW);
        Ok(Self { connection, config: wanted, epoch, sent: 0, on_the_way })
    }

    /// Sends the next message; it must get the next sequence.
    pub(crate) async fn push(&mut self, key: &StreamKey, bytes: Bytes) -> Result<(), ImportError> {
        if self.on_the_way.len() == WINDOW {
            self.take_one().await?;
        }
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_STREAM, STREAM_NAME);
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, self.sent.to_string());
        let context = self.connection.context();
        let sending = context.publish_with_headers(subject::of(key), headers, bytes);
        self.on_the_way.push_back(sending.await.map_err(|source| store(source.into()))?);
        self.sent += 1;
        Ok(())
    }

    /// Waits for what is on the way and opens the stream to everyone.
    pub(crate) async fn finish(mut self) -> Result<Position, ImportError> {
        while !self.on_the_way.is_empty() {
            self.take_one().await?;
        }
        self.connection.update(&self.config).await?;
        let last = self.connection.info().await?.state.last_sequence;
        if last == self.sent {
            Ok(Position::new(self.epoch, last))
        } else {
            let reason = format!("{} messages were sent, the stream ends at {last}", self.sent);
            Err(ImportError::Log(unavailable(reason)))
        }
    }

    async fn take_one(&mut self) -> Result<(), ImportError> {
        if let Some(acknowledgement) = self.on_the_way.pop_front() {
            acknowledgement.await.map_err(|source| store(source.into()))?;
        }
        Ok(())
    }
}

fn store(source: crate::Cause) -> ImportError {
    ImportError::Log(LogError::Unexpected { operation: "importing a commit", source })
}
