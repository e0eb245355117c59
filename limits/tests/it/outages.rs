//! Redis dies, hangs, and says nonsense: nobody gets an error, and replicas count alone until it is back.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// As impatient as it is outside tests.
async fn replica(server: &TestRedis) -> Limits {
    let limits = Limits::shared(address(server)).await;
    becomes(&limits, Health::Shared).await;
    limits
}

/// Counts what one replica lets through on its own while it is asked again and again.
async fn admitted_alone(limits: &Limits) -> usize {
    let subject = user();
    let mut admitted = 0;
    for _ in 0..300 {
        admitted += usize::from(limits.take(&[(&USER, subject)], 1).await.is_ok());
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_done_without_and_shared_again_when_it_is_back() {
    let mut server = ff_testkit::redis::server().await;
    // One that is killed says so: patience is of no matter, and a busy machine is not taken for an outage.
    let (one, other) = (patient(&server).await, patient(&server).await);

    let known = [(&USER, user())];
    one.take(&known, 150).await.unwrap();
    assert!(other.glance(&known).is_ok());
    other.take(&known, 49).await.unwrap();

    server.kill().await;
    // What Redis said last is still known, as far as it was told to this replica.
    assert_eq!(other.take(&known, 1).await.unwrap().tightest(), Some(("user", 0)));
    assert!(other.glance(&known).is_err());
    assert!(other.take(&known, 1).await.is_err());
    assert_eq!(one.take(&known, 50).await.unwrap().tightest(), Some(("user", 0)));
    // Of others, each has the whole quota of its own.
    assert_eq!(admitted_alone(&one).await, 200);
    assert_eq!(admitted_alone(&other).await, 200);
    assert_eq!((one.health(), other.health()), (Health::Alone, Health::Alone));

    server.start().await;
    becomes(&one, Health::Shared).await;
    becomes(&other, Health::Shared).await;
    let asks = [(&USER, user())];
    one.take(&asks, 150).await.unwrap();
    assert_eq!(other.take(&asks, 51).await.unwrap_err().limit(), "user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_waited_for_once_and_not_long() {
    let mut server = ff_testkit::redis::server().await;
    let limits = replica(&server).await;

    server.pause();
    let mut waited = Duration::ZERO;
    let mut slow = 0;
    let subject = user();
    let started = Instant::now();
    for _ in 0..300 {
        let asked = Instant::now();
        assert!(limits.take(&[(&USER, subject)], 0).await.is_ok());
        let took = asked.elapsed();
        slow += u64::from(took >= Duration::from_millis(50));
        waited += took;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seconds = started.elapsed().as_secs();
    // Everyone waiting would be 15 s; what is allowed is once a second, and room for a busy machine.
    assert!(waited < Duration::from_secs(3), "{waited:?} in all, {slow} slow");
    assert!(slow <= 2 * (seconds + 1), "{slow} of 300 in {seconds} s");
    assert_eq!(limits.health(), Health::Alone);
    assert_eq!(admitted_alone(&limits).await, 200);

    server.resume();
    becomes(&limits, Health::Shared).await;
}

#[tokio::test]
async fn a_server_may_come_later() {
    let mut server = ff_testkit::redis::server().await;
    server.kill().await;
    let limits = Limits::shared(address(&server)).await;
    assert_eq!(limits.health(), Health::Alone);
    assert_eq!(admitted_alone(&limits).await, 200);
    server.start().await;
    becomes(&limits, Health::Shared).await;
}

/// It answers pings and reads, and refuses to write.
#[tokio::test]
async fn a_replica_that_may_not_write_is_none() {
    let server = ff_testkit::redis::server().await;
    let limits = replica(&server).await;
    let client = redis::Client::open((server.host.as_str(), server.port)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut follow = async |host: &str, port: &str| {
        let mut command = redis::cmd("REPLICAOF");
        command.arg(host).arg(port).query_async::<()>(&mut connection).await.unwrap();
    };
    follow("127.0.0.1", "1").await;
    assert_eq!(admitted_alone(&limits).await, 200);
    assert_eq!(limits.health(), Health::Alone);
    follow("NO", "ONE").await;
    becomes(&limits, Health::Shared).await;
}

/// Answers everything with the same text, whatever is asked.
async fn parrot(text: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(text.repeat(4).as_bytes()).await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn who_says_nonsense_is_none() {
    for text in
        ["+OK\r\n", "*2\r\n:0\r\n:0\r\n", "-ERR no\r\n", "HTTP/1.1 200 OK\r\n\r\n", "$9\r\nx"]
    {
        let limits = Limits::shared(Redis::new("127.0.0.1", parrot(text).await)).await;
        assert_eq!(limits.health(), Health::Alone, "{text:?}");
        assert_eq!(admitted_alone(&limits).await, 200, "{text:?}");
    }
}

/// Nothing is left running when the last handle is gone.
#[tokio::test]
async fn the_watch_ends_with_the_limits() {
    let server = ff_testkit::redis::server().await;
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let limits = Arc::new(replica(&server).await);
    drop(limits);
    eventually(SOON, async || {
        tokio::runtime::Handle::current().metrics().num_alive_tasks() == before
    })
    .await;
}
