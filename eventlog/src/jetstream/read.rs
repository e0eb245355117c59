//! Loading one aggregate.
//!
//! A batched direct get is answered by any replica, at once and in pieces: the messages, each with
//! its sequence in a header, and an end. What a replica does not have yet is read one by one from the
//! leader, and only if the caller asks for it.

use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;

use super::connection::unavailable;
use super::{JetStreamLog, STREAM_NAME, subject};
use crate::chain::Chain;
use crate::{Freshness, LogError, Recorded, StreamKey, Tip};

/// How many messages one request asks for.
const BATCH: usize = 256;

/// 204, the end of a batch.
const END: u16 = 204;

/// An answer to a direct get that does not hold together.
#[derive(Debug, thiserror::Error)]
enum BadAnswer {
    #[error("status {0}")]
    Status(StatusCode),
    #[error("a message without a sequence")]
    NoSequence,
    #[error("the answer was interrupted")]
    Interrupted,
}

/// A message of the stream.
struct Found {
    sequence: u64,
    subject: String,
    bytes: Bytes,
}

impl JetStreamLog {
    pub(super) async fn read_history(
        &self,
        key: &StreamKey,
        after: Option<Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        let subject = subject::of(key);
        let mut history = History { log: self, key, chain: Chain::after(after), commits: vec![] };
        self.connection().ready().await.map_err(unavailable)?;
        loop {
            let (batch, more) = self.read_batch(&subject, history.chain.sequence() + 1).await?;
            for found in batch {
                history.push(found)?;
            }
            if !more {
                break;
            }
        }
        if read == Freshness::Leader {
            while let Some(found) = self.read_leader(&subject, history.chain.sequence() + 1).await?
            {
                history.push(found)?;
            }
        }
        Ok(history.commits)
    }

    /// The next messages of a subject from any replica, and whether there may be more.
    async fn read_batch(&self, subject: &str, from: u64) -> Result<(Vec<Found>, bool), LogError> {
        let client = self.connection().client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(unavailable)?;
        let request =
            serde_json::json!({"seq": from, "batch": BATCH, "next_by_subj": subject}).to_string();
        client
            .publish_with_reply(format!("$JS.API.DIRECT.GET.{STREAM_NAME}"), inbox, request.into())
            .await
            .map_err(unavailable)?;
        let mut batch: Vec<Found> = Vec::new();
        loop {
            let message = timeout(self.inner.options.read_timeout, answers.next())
                .await
                .map_err(unavailable)?
                .ok_or_else(|| unavailable(BadAnswer::Interrupted))?;
            let headers = message.headers.unwrap_or_default();
            // Each message names the one before it in the answer: one lost on the way must not look
            // like one lost from the log.
            let before = number(&headers, "Nats-Last-Sequence");
            let interrupted = match (before, batch.last()) {
                (Some(before), Some(last)) => before != last.sequence,
                (Some(before), None) => before >= from,
                (None, _) => false,
            };
            if interrupted {
                return Err(unavailable(BadAnswer::Interrupted));
            }
            match message.status {
                None => batch.push(Found {
                    sequence: number(&headers, "Nats-Sequence")
                        .ok_or_else(|| unexpected(BadAnswer::NoSequence))?,
                    subject: headers
                        .get("Nats-Subject")
                        .map(|value| value.as_str().to_owned())
                        .unwrap_or_default(),
                    bytes: message.payload,
                }),
                Some(status) if status.as_u16() == END => {
                    let pending = number(&headers, "Nats-Num-Pending").unwrap_or(0);
                    let more = !batch.is_empty() && (pending > 0 || batch.len() == BATCH);
                    return Ok((batch, more));
                }
                Some(StatusCode::NOT_FOUND) => return Ok((batch, false)),
                Some(status @ (StatusCode::NO_RESPONDERS | StatusCode::TIMEOUT)) => {
                    return Err(unavailable(BadAnswer::Status(status)));
                }
                Some(status) => return Err(unexpected(BadAnswer::Status(status))),
            }
        }
    }

    /// The next message of a subject as the leader has it.
    async fn read_leader(&self, subject: &str, from: u64) -> Result<Option<Found>, LogError> {
        let stream = self.context().get_stream_no_info(STREAM_NAME).await.map_err(unavailable)?;
        let asked = stream.raw_message_builder().sequence(from).next_by_subject(subject).send();
        let answer = timeout(self.inner.options.read_timeout, asked).await.map_err(unavailable)?;
        match answer {
            Ok(message) => Ok(Some(Found {
                sequence: message.sequence,
                subject: message.subject.into_string(),
                bytes: message.payload,
            })),
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::Other => Err(unavailable(error)),
                RawMessageErrorKind::JetStream(source) => {
                    Err(super::connection::refused("STREAM.MSG.GET", source))
                }
                RawMessageErrorKind::InvalidSubject => Err(unexpected(error)),
            },
        }
    }
}

/// The commits of one aggregate, checked as they come.
struct History<'a> {
    log: &'a JetStreamLog,
    key: &'a StreamKey,
    chain: Chain,
    commits: Vec<Recorded>,
}

impl History<'_> {
    fn push(&mut self, found: Found) -> Result<(), LogError> {
        let commit = Recorded::parse(self.log.position(found.sequence), found.bytes)?;
        subject::check_place(&found.subject, &commit)?;
        self.chain.push(self.key, &commit)?;
        self.commits.push(commit);
        Ok(())
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

fn unexpected(source: impl Into<crate::Cause>) -> LogError {
    LogError::Unexpected { operation: "DIRECT.GET", source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Actor, ActorKind, Causation, CausationKind, CommitMeta, Draft, EventLog, EventRecord,
        LogOptions, Via,
    };
    use uuid::Uuid;

    /// No replica is ever behind on one server, so what closes the gap is asked for directly.
    #[tokio::test]
    async fn the_leader_is_read_message_by_message() {
        let server = ff_testkit::nats::server().await;
        let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
        let keys = [1, 2].map(|id| StreamKey::new(Uuid::nil(), "lamp", Uuid::from_u128(id)));
        let mut tips = [None, None];
        let mut written = Vec::new();
        for turn in [0, 1, 0] {
            let draft = Draft {
                stream: keys[turn].clone(),
                tip: tips[turn],
                meta: CommitMeta {
                    command_id: Uuid::new_v4(),
                    correlation_id: Uuid::nil(),
                    causation: Causation { kind: CausationKind::Command, id: "c".to_owned() },
                    at: jiff::Timestamp::UNIX_EPOCH,
                    actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
                    via: Via::Cli,
                    comment: None,
                },
                events: vec![EventRecord {
                    kind: "lamp.broke".to_owned(),
                    v: 1,
                    data: serde_json::Value::Null,
                }],
            };
            let recorded = log.append(vec![draft]).await.unwrap().remove(0);
            tips[turn] = Some(recorded.tip());
            written.push(recorded);
        }
        let subject = subject::of(&keys[0]);
        let mut from = 1;
        for expected in [&written[0], &written[2]] {
            let found = log.read_leader(&subject, from).await.unwrap().unwrap();
            assert_eq!(found.subject, subject);
            assert_eq!(log.position(found.sequence), expected.position);
            assert_eq!(found.bytes, expected.bytes);
            from = found.sequence + 1;
        }
        assert!(log.read_leader(&subject, from).await.unwrap().is_none());
        let history = log.history(&keys[0], None, Freshness::Leader).await.unwrap();
        assert_eq!(history.len(), 2);
    }
}
