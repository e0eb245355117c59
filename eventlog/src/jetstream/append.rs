//! Appending: one message with its expectation, or one atomic batch of them.
//!
//! The server compares the last sequence of the subject with the expectation in the header and
//! stores the message only if they agree. In a batch it does so for every message when the last one
//! arrives, and stores all or none.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM,
};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Message, Request, RequestErrorKind};
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{JetStreamLog, STREAM_NAME, connection, subject};
use crate::draft::{Sealed, seal};
use crate::{AppendError, Cause, Draft, Recorded};

/// What headers may take of the largest message of the server.
const HEADER_ROOM: usize = 1024;

/// What the server says when an expectation does not hold.
const CONFLICTS: [ErrorCode; 3] = [
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
    // The last sequence differs and is not told.
    ErrorCode(10164),
    // The same message is being stored at the moment.
    ErrorCode(10158),
];

/// What it says when it has dropped the batch for its own reasons, and another try may succeed.
const DROPPED: [ErrorCode; 2] =
    [ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH, ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT];

impl JetStreamLog {
    pub(super) async fn append_all(
        &self,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Recorded>, AppendError> {
        let deadline = Instant::now() + self.inner.options.append_timeout;
        let sealed = seal(drafts, self.largest_commit())?;
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        self.connection().ready().await.map_err(unavailable)?;
        let last = match sealed.as_slice() {
            [one] => self
                .publish(one, expectation(one), deadline)
                .await
                .and_then(|answer| stored(&answer))?,
            many => self.publish_batch(many, deadline).await?,
        };
        let first = last + 1 - sealed.len() as u64;
        let positions = (first..).map(|sequence| self.position(sequence));
        Ok(sealed.into_iter().zip(positions).map(|(commit, at)| commit.recorded(at)).collect())
    }

    fn largest_commit(&self) -> usize {
        self.connection().client().max_payload().saturating_sub(HEADER_ROOM)
    }

    /// Publishes the messages of a batch and answers the sequence of its last.
    async fn publish_batch(
        &self,
        commits: &[Sealed],
        deadline: Instant,
    ) -> Result<u64, AppendError> {
        let id = Uuid::new_v4().simple().to_string();
        let last = commits.len() - 1;
        let headers = |index: usize| {
            let mut headers = expectation(&commits[index]);
            headers.insert(NATS_BATCH_ID, id.as_str());
            headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
            headers
        };
        // The first is answered, so that a server without batches is found before the rest is sent.
        // Until the last is sent nothing can be stored, and so nothing is unknown.
        let opened = self.publish(&commits[0], headers(0), deadline).await;
        match opened {
            Ok(answer) if answer.payload.is_empty() => {}
            Ok(answer) => return stored(&answer),
            Err(AppendError::Unknown { source }) => {
                return Err(AppendError::Unavailable { source });
            }
            Err(error) => return Err(error),
        }
        for (index, commit) in commits.iter().enumerate().take(last).skip(1) {
            let subject = subject::of(&commit.stream);
            let sending = self.connection().client().publish_with_headers(
                subject,
                headers(index),
                commit.bytes.clone(),
            );
            timeout_at(deadline, sending).await.map_err(unavailable)?.map_err(unavailable)?;
        }
        let mut closing = headers(last);
        closing.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        self.publish(&commits[last], closing, deadline).await.and_then(|answer| stored(&answer))
    }

    async fn publish(
        &self,
        commit: &Sealed,
        headers: HeaderMap,
        deadline: Instant,
    ) -> Result<Message, AppendError> {
        let payload: Bytes = commit.bytes.clone();
        let request = Request::new().headers(headers).payload(payload).timeout(None);
        let answer = self.connection().client().send_request(subject::of(&commit.stream), request);
        match timeout_at(deadline, answer).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(error)) => Err(match error.kind() {
                // No one listens on the subject: there is no stream, or it has no leader.
                RequestErrorKind::NoResponders => unavailable(error),
                RequestErrorKind::MaxPayloadExceeded => AppendError::TooLarge {
                    stream: commit.stream.clone(),
                    bytes: commit.bytes.len(),
                    limit: self.largest_commit(),
                },
                RequestErrorKind::InvalidSubject => refused(error),
                RequestErrorKind::TimedOut | RequestErrorKind::Other => {
                    AppendError::Unknown { source: error.into() }
                }
            }),
            Err(elapsed) => Err(AppendError::Unknown { source: elapsed.into() }),
        }
    }
}

fn expectation(commit: &Sealed) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_STREAM, STREAM_NAME);
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, commit.expected.to_string());
    headers
}

/// The sequence that the server acknowledged.
fn stored(answer: &Message) -> Result<u64, AppendError> {
    match serde_json::from_slice::<Response<PublishAck>>(&answer.payload) {
        Ok(Response::Ok(ack)) if ack.duplicate => Err(AppendError::Conflict),
        Ok(Response::Ok(ack)) => Ok(ack.sequence),
        Ok(Response::Err { error }) => Err(rejected(error)),
        // Something answered that is not the stream; what it did with the message is anyone's guess.
        Err(error) => Err(AppendError::Unknown { source: error.into() }),
    }
}

fn rejected(error: jetstream::Error) -> AppendError {
    if CONFLICTS.contains(&error.error_code()) {
        AppendError::Conflict
    } else if connection::is_temporary(&error) || DROPPED.contains(&error.error_code()) {
        unavailable(error)
    } else {
        refused(error)
    }
}

fn unavailable(source: impl Into<Cause>) -> AppendError {
    AppendError::Unavailable { source: source.into() }
}

fn refused(source: impl Into<Cause>) -> AppendError {
    AppendError::Refused { source: source.into() }
}
