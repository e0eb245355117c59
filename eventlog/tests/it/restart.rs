//! The tail outlives the server.

use ff_eventlog::{EventLog, JetStreamLog, LogError, LogOptions, Position, STREAM_NAME, TailItem};
use futures::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use crate::lamp::{PATIENCE, append_many, execute, key, until_caught_up};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_across_restarts_misses_and_doubles_nothing() {
    const COMMITS: u64 = 120;
    let mut server = ff_testkit::nats::dedicated(Default::default()).await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    let reader = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();

    let tail = tokio::spawn(async move {
        let mut tail = reader.tail(Position::ZERO);
        let mut seen = Vec::new();
        let mut live = Position::ZERO;
        while (seen.len() as u64) < COMMITS || live < Position::new(1, COMMITS) {
            match tail.next().await.unwrap().unwrap() {
                TailItem::Commit(commit) => seen.push(commit),
                TailItem::CaughtUp(position) => live = position,
            }
        }
        seen
    });
    let writer = log.clone();
    let (told, mut progress) = tokio::sync::mpsc::unbounded_channel();
    let writing = tokio::spawn(async move {
        let mut written = Vec::new();
        for number in 0..COMMITS {
            let key = key(u128::from(number % 7));
            written.push(execute(&writer, &key, Uuid::new_v4(), 1).await);
            told.send(number).unwrap();
        }
        written
    });
    while let Some(number) = timeout(PATIENCE, progress.recv()).await.unwrap() {
        match number {
            30 => {
                server.kill().await;
                server.start().await;
            }
            80 => {
                server.stop().await;
                server.start().await;
            }
            _ => {}
        }
    }
    let written = writing.await.unwrap();
    let seen = timeout(PATIENCE, tail).await.expect("the tail is complete").unwrap();
    let sequences: Vec<_> = seen.iter().map(|commit| commit.position.sequence()).collect();
    assert_eq!(sequences, (1..=COMMITS).collect::<Vec<_>>());
    assert_eq!(seen, written);
}

#[tokio::test]
async fn an_idle_tail_survives_a_restart() {
    let mut server = ff_testkit::nats::dedicated(Default::default()).await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    let first = append_many(&log, &key(1), 1).await.remove(0);
    let mut tail = log.tail(Position::ZERO);
    until_caught_up(&mut tail).await;
    server.kill().await;
    server.start().await;
    let second = timeout(PATIENCE, execute(&log, &key(1), Uuid::new_v4(), 2)).await.unwrap();
    assert_eq!(second.commit.prev, Some(first.digest));
    loop {
        match timeout(PATIENCE, tail.next()).await.unwrap().unwrap().unwrap() {
            TailItem::CaughtUp(_) => {}
            TailItem::Commit(commit) => {
                assert_eq!(commit, second);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_tail_whose_consumer_is_deleted_goes_on() {
    let server = ff_testkit::nats::server().await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    let mut tail = log.tail(Position::ZERO);
    until_caught_up(&mut tail).await;
    let context = async_nats::jetstream::new(log.client());
    let stream = context.get_stream(STREAM_NAME).await.unwrap();
    let names: Vec<_> = stream.consumer_names().collect().await;
    assert_eq!(names.len(), 1);
    for name in names {
        stream.delete_consumer(&name.unwrap()).await.unwrap();
    }
    let written = append_many(&log, &key(1), 3).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let TailItem::Commit(commit) =
            timeout(PATIENCE, tail.next()).await.unwrap().unwrap().unwrap()
        {
            seen.push(commit);
        }
    }
    assert_eq!(seen, written);
}

#[tokio::test]
async fn a_tail_notices_that_the_log_was_replaced() {
    let server = ff_testkit::nats::server().await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    append_many(&log, &key(1), 2).await;
    let mut tail = log.tail(Position::ZERO);
    until_caught_up(&mut tail).await;
    let context = async_nats::jetstream::new(log.client());
    context.delete_stream(STREAM_NAME).await.unwrap();
    let mut options = LogOptions::url(&server.url);
    options.epoch = Some(2);
    JetStreamLog::connect(options).await.unwrap();
    let last = timeout(PATIENCE, tail.next()).await.unwrap();
    assert!(matches!(last, Some(Err(LogError::ForeignEpoch { epoch: 2, .. }))), "{last:?}");
    assert!(timeout(PATIENCE, tail.next()).await.unwrap().is_none());
}
