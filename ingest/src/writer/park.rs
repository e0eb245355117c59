//! Setting aside what can never be written, and trying it again when someone has mended the cause.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, context::GetStreamErrorKind, stream};
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::error::{Cause, ReplayError};
use super::measure;
use super::options::WriterOptions;
use crate::record::{PARKED_STREAM, PARKED_SUBJECT, SUBJECT};

/// The header with the error.
const ERROR: &str = "Ff-Error";
/// The header with the position the message had in FF_TELEMETRY.
const POSITION: &str = "Ff-Position";
/// The header with the kind of error.
const REASON: &str = "Ff-Reason";

/// An error can hold the row it is about; nobody reads more than this of it.
const ERROR_LENGTH: usize = 1_000;

/// How long the parking stream recognises a message that is parked twice, by two writers or after a lost answer.
const RECOGNISED: Duration = Duration::from_secs(2 * 60 * 60);

/// Something that cannot be written.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    pub(super) reason: Reason,
    pub(super) error: String,
}

/// Why it cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is no record that this program knows.
    Undecodable,
    /// ClickHouse does not take it.
    Refused,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Refused => "refused",
        }
    }
}

/// The parking stream.
#[derive(Debug)]
pub(super) struct Parking {
    context: jetstream::Context,
    replicas: usize,
    made: OnceCell<()>,
}

impl Parking {
    pub(super) fn new(context: jetstream::Context, replicas: usize) -> Self {
        Self { context, replicas, made: OnceCell::new() }
    }

    /// Returns when the stream has it on disk.
    pub(super) async fn park(&self, made: i128, parked: &Parked) -> Result<(), Cause> {
        self.made.get_or_try_init(|| self.make()).await?;
        let Parked { sequence, reason, error, .. } = parked;
        let mut headers = HeaderMap::new();
        headers.insert(
            async_nats::header::NATS_MESSAGE_ID,
            format!("{made}-{sequence}-{}", reason.as_str()),
        );
        headers.insert(POSITION, sequence.to_string());
        headers.insert(REASON, reason.as_str());
        headers.insert(ERROR, in_one_line(error));
        let sent =
            self.context.publish_with_headers(PARKED_SUBJECT, headers, parked.payload.clone());
        sent.await?.await?;
        measure::parked(reason.as_str());
        // The error itself is in the header only: it may hold values of users.
        tracing::error!(
            position = sequence,
            reason = reason.as_str(),
            "a message of telemetry cannot be written and is parked in FF_TELEMETRY_PARKED"
        );
        Ok(())
    }

    async fn make(&self) -> Result<(), Cause> {
        // Without an age or a size: what is here is lost if it goes. Where ingest has made it, it has a size; when it is
        // full the writer waits, and says so, until somebody replays or purges it.
        let config = stream::Config {
            name: PARKED_STREAM.to_owned(),
            subjects: vec![PARKED_SUBJECT.to_owned()],
            storage: stream::StorageType::File,
            retention: stream::RetentionPolicy::Limits,
            discard: stream::DiscardPolicy::New,
            duplicate_window: RECOGNISED,
            num_replicas: self.replicas,
            ..stream::Config::default()
        };
        self.context.get_or_create_stream(config).await?;
        Ok(())
    }
}

/// Publishes every parked message to FF_TELEMETRY again, removes it from the parking stream, and tells how many there
/// were. What still cannot be written is parked again. Events that were stored meanwhile are recognised by their ids.
///
/// # Errors
/// When NATS cannot be reached or refuses. Running it again goes on with the rest.
pub async fn replay_parked(options: &WriterOptions) -> Result<u64, ReplayError> {
    fn failed<E: Into<Cause>>(action: &'static str) -> impl FnOnce(E) -> ReplayError {
        move |error| ReplayError::Nats { action, source: error.into() }
    }
    let client = options.nats.connect("ff-telemetry-replay", |usual| usual).await;
    let context = jetstream::new(client.map_err(failed("connect to NATS"))?);
    let stream = match context.get_stream(PARKED_STREAM).await {
        Ok(stream) => stream,
        // Nothing was ever parked.
        Err(error) if is_missing(&error) => return Ok(0),
        Err(error) => return Err(failed("find the stream of parked messages")(error)),
    };
    let state = &stream.cached_info().state;
    let made = stream.cached_info().created.unix_timestamp_nanos();
    let (mut next, last, mut replayed) = (state.first_sequence, state.last_sequence, 0);
    // Those that are parked from now on are for another time.
    while state.messages > 0 && next <= last {
        let request = stream.raw_message_builder().sequence(next).next_by_subject(PARKED_SUBJECT);
        let message = match request.send().await {
            Ok(message) => message,
            Err(error) if error.kind() == stream::LastRawMessageErrorKind::NoMessageFound => break,
            Err(error) => return Err(failed("read a parked message")(error)),
        };
        let sequence = message.sequence;
        if sequence > last {
            break;
        }
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, format!("parked-{made}-{sequence}"));
        let sent = context.publish_with_headers(SUBJECT, headers, message.payload).await;
        let acknowledged = sent.map_err(failed("publish a parked message"))?.await;
        acknowledged.map_err(failed("publish a parked message"))?;
        let deleted = stream.delete_message(sequence).await;
        deleted.map_err(failed("remove a replayed message from the parked ones"))?;
        replayed += 1;
        next = sequence + 1;
    }
    Ok(replayed)
}

fn is_missing(error: &jetstream::context::GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error)
        if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND)
}

/// A header is one line of limited length.
fn in_one_line(text: &str) -> String {
    text.chars().take(ERROR_LENGTH).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
