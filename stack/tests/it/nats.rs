//! nats-server: what it acknowledged survives.

use async_nats::jetstream::{self, stream};
use ff_stack::{StackError, nats::NatsOptions, ports};

#[tokio::test]
async fn an_acknowledged_message_survives_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("nats.log");
    let options = NatsOptions::new(ports::free_port(), directory.path().join("nats"), log);
    let mut nats = options.start().await.unwrap();
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let config =
        stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
    jetstream.create_stream(config).await.unwrap();
    jetstream.publish("s", "kept".into()).await.unwrap().await.unwrap();

    nats.server().kill().await;
    nats.server().restart().await.unwrap();

    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let stream = jetstream.get_stream("S").await.unwrap();
    assert_eq!(&stream.get_raw_message(1).await.unwrap().payload[..], b"kept");
    nats.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_reported_with_the_server_s_own_words() {
    let directory = tempfile::tempdir().unwrap();
    let port = ports::free_port();
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let log = directory.path().join("nats.log");
    let error =
        NatsOptions::new(port, directory.path().join("nats"), log).start().await.unwrap_err();
    assert!(matches!(error, StackError::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("address already in use"), "{error}");
}
