//! The server of shared rate limits: it answers, and comes back empty.

use ff_stack::{StackError, ports, redis::RedisOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends one command and returns its answer, which is a single line.
async fn say(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn it_keeps_nothing_and_comes_back_after_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("redis.log");
    let options = RedisOptions::new(ports::free_port(), directory.path().join("a redis"), log);
    let mut redis = options.start().await.unwrap();
    assert_eq!(say(redis.port(), "SET key value").await, "+OK");
    assert_eq!(say(redis.port(), "EXISTS key").await, ":1");

    redis.server().kill().await;
    redis.server().restart().await.unwrap();

    assert_eq!(say(redis.port(), "EXISTS key").await, ":0");
    redis.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_reported_with_the_server_s_own_words() {
    let directory = tempfile::tempdir().unwrap();
    let port = ports::free_port();
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let log = directory.path().join("redis.log");
    let options = RedisOptions::new(port, directory.path().join("redis"), log);
    let error = options.start().await.unwrap_err();
    assert!(matches!(error, StackError::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("Address already in use"), "{error}");
}
