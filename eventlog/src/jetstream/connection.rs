//! The connection to NATS, and the questions about the stream as a whole.

use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, ErrorCode};
use tokio::time::{Instant, sleep, timeout};

use super::{LogOptions, STREAM_NAME, Server};
use crate::{Cause, LogError};

/// How often a lost connection is looked at while someone waits for it.
const LOOK: Duration = Duration::from_millis(20);

/// Creating a stream takes a cluster longer than reading from it.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// There was no connection for as long as the operation could wait.
#[derive(Debug, thiserror::Error)]
#[error("not connected to NATS")]
pub(super) struct NotConnected;

#[derive(Clone, Debug)]
pub(super) struct Connection {
    client: Client,
    context: jetstream::Context,
    grace: Duration,
}

impl Connection {
    pub(super) async fn open(options: &LogOptions) -> Result<Self, LogError> {
        let client = match &options.server {
            Server::Client(client) => client.clone(),
            Server::Address(server) => {
                server.connect("ff-eventlog", |usual| usual).await.map_err(unavailable)?
            }
        };
        let context = jetstream::new(client.clone());
        // Half of an append may go into waiting for a connection; the rest is for the answer.
        Ok(Self { client, context, grace: options.append_timeout / 2 })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn context(&self) -> &jetstream::Context {
        &self.context
    }

    /// Waits a moment for a connection that is being restored. What is sent without one would be
    /// kept by the client and go out later, when no one expects it any more.
    pub(super) async fn ready(&self) -> Result<(), NotConnected> {
        let end = Instant::now() + self.grace;
        while self.client.connection_state() != State::Connected {
            if Instant::now() >= end {
                return Err(NotConnected);
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// How often the connection was made: a change means that subscriptions may have missed messages.
    pub(super) fn generation(&self) -> u64 {
        self.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The stream as the leader sees it.
    pub(super) async fn info(&self) -> Result<Info, LogError> {
        self.find().await?.ok_or_else(|| LogError::Unexpected {
            operation: "STREAM.INFO",
            source: "the stream FF_EVENTS does not exist".into(),
        })
    }

    pub(super) async fn find(&self) -> Result<Option<Info>, LogError> {
        let subject = format!("STREAM.INFO.{STREAM_NAME}");
        match self.ask("STREAM.INFO", subject, &()).await? {
            Response::Ok(info) => Ok(Some(info)),
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            Response::Err { error } => Err(refused("STREAM.INFO", error)),
        }
    }

    pub(super) async fn find_or_create(&self, config: &Config) -> Result<Info, LogError> {
        if let Some(info) = self.find().await? {
            return Ok(info);
        }
        let subject = format!("STREAM.CREATE.{STREAM_NAME}");
        match self.ask("STREAM.CREATE", subject, config).await? {
            Response::Ok(info) => Ok(info),
            // Another process was faster, with other settings: the comparison will tell.
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                self.info().await
            }
            Response::Err { error } => Err(refused("STREAM.CREATE", error)),
        }
    }

    pub(super) async fn update(&self, config: &Config) -> Result<Info, LogError> {
        let subject = format!("STREAM.UPDATE.{STREAM_NAME}");
        match self.ask("STREAM.UPDATE", subject, config).await? {
            Response::Ok(info) => Ok(info),
            Response::Err { error } => Err(refused("STREAM.UPDATE", error)),
        }
    }

    async fn ask<T: serde::Serialize + ?Sized>(
        &self,
        operation: &'static str,
        subject: String,
        payload: &T,
    ) -> Result<Response<Info>, LogError> {
        self.ready().await.map_err(unavailable)?;
        match timeout(ADMIN_TIMEOUT, self.context.request(subject, payload)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.kind() == jetstream::context::RequestErrorKind::Other => {
                Err(LogError::Unexpected { operation, source: error.into() })
            }
            Ok(Err(error)) => Err(unavailable(error)),
            Err(elapsed) => Err(unavailable(elapsed)),
        }
    }
}

pub(super) fn unavailable(source: impl Into<Cause>) -> LogError {
    LogError::Unavailable { source: source.into() }
}

/// Whether the server says that it cannot do it at the moment.
pub(super) fn is_temporary(error: &jetstream::Error) -> bool {
    error.code() == 503
}

pub(super) fn refused(operation: &'static str, error: jetstream::Error) -> LogError {
    if is_temporary(&error) {
        unavailable(error)
    } else {
        LogError::Unexpected { operation, source: error.into() }
    }
}
