//! Answers that get lost, writes that get lost, and a server that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ff_eventlog::{
    AppendError, EventLog, Fault, Freshness, JetStreamLog, LogError, LogOptions, MemoryLog,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::lamp::{PATIENCE, append_many, append_one, draft, execute, key};

/// What the proxy swallows.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
enum Swallow {
    Nothing,
    Answers,
    Requests,
}

/// A proxy in front of the server that goes silent in one direction without closing.
struct Proxy {
    port: u16,
    swallow: Arc<AtomicU8>,
    cut: watch::Sender<()>,
    _server: ff_testkit::nats::TestNats,
}

impl Proxy {
    async fn start() -> Self {
        let nats = ff_testkit::nats::server().await;
        let server: u16 = nats.url.rsplit_once(':').unwrap().1.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let swallow = Arc::new(AtomicU8::new(Swallow::Nothing as u8));
        let cut = watch::Sender::new(());
        let (mode, cuts) = (swallow.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (client_in, client_out) = client.into_split();
                let (server_in, server_out) = server.into_split();
                let mut cut = cuts.subscribe();
                let requests = pump(client_in, server_out, mode.clone(), Swallow::Requests);
                let answers = pump(server_in, client_out, mode.clone(), Swallow::Answers);
                tokio::spawn(async move {
                    tokio::select! {
                        () = requests => {}
                        () = answers => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, swallow, cut, _server: nats }
    }

    fn swallow(&self, what: Swallow) {
        self.swallow.store(what as u8, Ordering::SeqCst);
    }

    /// Lets everything through again, on new connections.
    fn heal(&self) {
        self.swallow(Swallow::Nothing);
        self.cut.send_replace(());
    }
}

async fn pump(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    mode: Arc<AtomicU8>,
    direction: Swallow,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if mode.load(Ordering::SeqCst) != direction as u8
            && to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

async fn behind_proxy() -> (Proxy, JetStreamLog) {
    let proxy = Proxy::start().await;
    let mut options = LogOptions::url(format!("nats://127.0.0.1:{}", proxy.port));
    options.append_timeout = Duration::from_millis(500);
    let log = JetStreamLog::connect(options).await.unwrap();
    (proxy, log)
}

#[tokio::test]
async fn a_lost_acknowledgement_is_unknown_and_found_by_a_reload() {
    let (proxy, log) = behind_proxy().await;
    let first = append_many(&log, &key(1), 1).await.remove(0);
    proxy.swallow(Swallow::Answers);
    let draft = draft(&key(1), Some(first.tip()), 5);
    let command = draft.meta.command_id;
    let error = log.append(vec![draft]).await.unwrap_err();
    assert!(matches!(error, AppendError::Unknown { .. }), "{error:?}");
    proxy.heal();
    let found = timeout(PATIENCE, execute(&log, &key(1), command, 5)).await.unwrap();
    assert_eq!((found.commit.command_id, found.commit.version), (command, 2));
    let history = log.history(&key(1), None, Freshness::Leader).await.unwrap();
    assert_eq!(history.len(), 2, "it is there once");
}

#[tokio::test]
async fn a_lost_write_is_unknown_and_not_found_by_a_reload() {
    let (proxy, log) = behind_proxy().await;
    let first = append_many(&log, &key(1), 1).await.remove(0);
    proxy.swallow(Swallow::Requests);
    let draft = draft(&key(1), Some(first.tip()), 5);
    let command = draft.meta.command_id;
    let error = log.append(vec![draft]).await.unwrap_err();
    assert!(matches!(error, AppendError::Unknown { .. }), "{error:?}");
    proxy.heal();
    let history = timeout(PATIENCE, async {
        loop {
            match log.history(&key(1), None, Freshness::Leader).await {
                Ok(history) => return history,
                Err(LogError::Unavailable { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    assert_eq!(history.await.unwrap(), [first]);
    let done = timeout(PATIENCE, execute(&log, &key(1), command, 5)).await.unwrap();
    assert_eq!(done.commit.version, 2);
}

#[tokio::test]
async fn a_batch_whose_opening_is_lost_stores_nothing() {
    let (proxy, log) = behind_proxy().await;
    proxy.swallow(Swallow::Answers);
    let drafts = vec![draft(&key(1), None, 1), draft(&key(2), None, 2)];
    let error = log.append(drafts).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable { .. }), "{error:?}");
    proxy.heal();
    for number in [1, 2] {
        let won = timeout(PATIENCE, execute(&log, &key(number), uuid::Uuid::new_v4(), 3)).await;
        assert_eq!(won.unwrap().commit.version, 1);
    }
}

#[tokio::test]
async fn a_stopped_server_is_unavailable_and_comes_back() {
    let mut server = ff_testkit::nats::dedicated(Default::default()).await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    let first = append_many(&log, &key(1), 1).await.remove(0);
    server.stop().await;
    // Until the client has noticed, an append may be under way.
    let error = timeout(PATIENCE, async {
        loop {
            match append_one(&log, &key(1), Some(first.tip()), 2).await {
                Err(AppendError::Unknown { .. }) => {}
                other => return other.unwrap_err(),
            }
        }
    });
    let error = error.await.unwrap();
    assert!(matches!(error, AppendError::Unavailable { .. }), "{error:?}");
    for read in [Freshness::Any, Freshness::Leader] {
        let history = timeout(PATIENCE, log.history(&key(1), None, read)).await.unwrap();
        assert!(matches!(history, Err(LogError::Unavailable { .. })), "{history:?}");
    }
    let head = timeout(PATIENCE, log.head()).await.unwrap();
    assert!(matches!(head, Err(LogError::Unavailable { .. })), "{head:?}");

    server.start().await;
    let done = timeout(PATIENCE, execute(&log, &key(1), uuid::Uuid::new_v4(), 3)).await.unwrap();
    let history = log.history(&key(1), None, Freshness::Leader).await.unwrap();
    assert_eq!(history.last(), Some(&done));
    assert_eq!(history.first(), Some(&first));
}

#[tokio::test]
async fn the_log_in_memory_fails_on_demand() {
    let log = MemoryLog::new();
    log.inject(Fault::AckLost);
    let lost = append_one(&log, &key(1), None, 1).await;
    assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
    let history = log.history(&key(1), None, Freshness::Leader).await.unwrap();
    assert_eq!(history.len(), 1);

    log.inject(Fault::WriteLost);
    log.inject(Fault::Conflict);
    let tip = Some(history[0].tip());
    let lost = append_one(&log, &key(1), tip, 2).await;
    assert!(matches!(lost, Err(AppendError::Unknown { .. })), "{lost:?}");
    let conflict = append_one(&log, &key(1), tip, 2).await;
    assert!(matches!(conflict, Err(AppendError::Conflict)), "{conflict:?}");

    log.set_available(false);
    let down = append_one(&log, &key(1), tip, 2).await;
    assert!(matches!(down, Err(AppendError::Unavailable { .. })), "{down:?}");
    assert!(matches!(log.head().await, Err(LogError::Unavailable { .. })));
    log.set_available(true);
    append_one(&log, &key(1), tip, 2).await.unwrap();
    assert_eq!(log.head().await.unwrap().sequence(), 2);
}
