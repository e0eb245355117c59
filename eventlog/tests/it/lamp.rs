//! A small aggregate, and the loop that every writer needs.

use std::time::Duration;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use ff_eventlog::{
    Actor, ActorKind, AppendError, Causation, CausationKind, CommitMeta, Draft, EventLog,
    EventRecord, Freshness, LogError, Recorded, StreamKey, TailItem, Tip, Via, encode,
};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Long enough that only a hanging test reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lamp {
    pub(crate) dims: Vec<u32>,
    pub(crate) broken: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum LampEvent {
    #[serde(rename = "lamp.dimmed")]
    Dimmed { percent: u32 },
    #[serde(rename = "lamp.broke")]
    Broke,
}

impl DomainEvent for LampEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Dimmed { .. } => "lamp.dimmed",
            Self::Broke => "lamp.broke",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the lamp is broken")]
pub(crate) struct Broken;

impl Aggregate for Lamp {
    const TYPE: &'static str = "lamp";
    type Command = LampEvent;
    type Event = LampEvent;
    type Error = Broken;
    type Services = ();

    async fn handle(
        &mut self,
        command: LampEvent,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Broken> {
        if self.broken {
            return Err(Broken);
        }
        sink.write(command, self).await;
        Ok(())
    }

    fn apply(&mut self, event: LampEvent) {
        match event {
            LampEvent::Dimmed { percent } => self.dims.push(percent),
            LampEvent::Broke => self.broken = true,
        }
    }
}

pub(crate) fn key(number: u128) -> StreamKey {
    StreamKey::new(Uuid::from_u128(0xf1a6), Lamp::TYPE, Uuid::from_u128(number))
}

pub(crate) fn meta(command_id: Uuid) -> CommitMeta {
    CommitMeta {
        command_id,
        correlation_id: Uuid::from_u128(9),
        causation: Causation { kind: CausationKind::Command, id: command_id.to_string() },
        at: "2026-11-22T20:49:31.123456Z".parse().unwrap(),
        actor: Actor { kind: ActorKind::User, id: Uuid::from_u128(7) },
        via: Via::Api,
        comment: Some("a test".to_owned()),
    }
}

pub(crate) fn dimmed(percent: u32) -> EventRecord {
    encode(&LampEvent::Dimmed { percent }).unwrap()
}

pub(crate) fn draft(key: &StreamKey, tip: Option<Tip>, percent: u32) -> Draft {
    let (stream, meta) = (key.clone(), meta(Uuid::new_v4()));
    Draft { stream, tip, meta, events: vec![dimmed(percent)] }
}

pub(crate) async fn append_one(
    log: &impl EventLog,
    key: &StreamKey,
    tip: Option<Tip>,
    percent: u32,
) -> Result<Recorded, AppendError> {
    log.append(vec![draft(key, tip, percent)]).await.map(|mut commits| commits.remove(0))
}

/// Appends `count` commits one after the other.
pub(crate) async fn append_many(log: &impl EventLog, key: &StreamKey, count: u32) -> Vec<Recorded> {
    let mut commits: Vec<Recorded> = Vec::new();
    for percent in 0..count {
        let tip = commits.last().map(Recorded::tip);
        commits.push(append_one(log, key, tip, percent).await.unwrap());
    }
    commits
}

/// Decides one command as an executor does: look for it, else append, and on any doubt look again.
pub(crate) async fn execute(
    log: &impl EventLog,
    key: &StreamKey,
    command_id: Uuid,
    percent: u32,
) -> Recorded {
    let mut known: Vec<Recorded> = Vec::new();
    let mut read = Freshness::Any;
    loop {
        let tip = known.last().map(Recorded::tip);
        match log.history(key, tip.as_ref(), read).await {
            Ok(newer) => known.extend(newer),
            Err(LogError::Unavailable { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            Err(error) => panic!("{error:?}"),
        }
        read = Freshness::Leader;
        if let Some(done) = known.iter().find(|commit| commit.commit.command_id == command_id) {
            return done.clone();
        }
        let tip = known.last().map(Recorded::tip);
        let mut draft = draft(key, tip, percent);
        draft.meta.command_id = command_id;
        match log.append(vec![draft]).await {
            Ok(mut commits) => return commits.remove(0),
            Err(
                AppendError::Conflict
                | AppendError::Unknown { .. }
                | AppendError::Unavailable { .. },
            ) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Everything a tail delivers until it says that it has caught up.
pub(crate) async fn until_caught_up<S>(tail: &mut S) -> Vec<Result<TailItem, LogError>>
where
    S: futures::Stream<Item = Result<TailItem, LogError>> + Unpin,
{
    let mut items = Vec::new();
    loop {
        let next = tokio::time::timeout(PATIENCE, tail.next()).await.expect("the tail is silent");
        let Some(item) = next else { return items };
        let done = matches!(item, Ok(TailItem::CaughtUp(_)));
        items.push(item);
        if done {
            return items;
        }
    }
}
