//! Opening the stream: made once, compared ever after.

use ff_eventlog::{EventLog, JetStreamLog, LogError, LogOptions, Position, STREAM_NAME};
use futures::future::join_all;

use crate::lamp::{append_many, key};

#[tokio::test]
async fn a_stream_is_made_once_and_found_again() {
    let server = ff_testkit::nats::server().await;
    let opened =
        join_all((0..5).map(|_| JetStreamLog::connect(LogOptions::url(&server.url)))).await;
    let logs: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    assert!(logs.iter().all(|log| log.epoch() == 1));
    append_many(&logs[0], &key(1), 2).await;
    let again = JetStreamLog::connect(LogOptions::client(server.client().await)).await.unwrap();
    assert_eq!(again.head().await.unwrap(), Position::new(1, 2));
}

#[tokio::test]
async fn the_epoch_is_kept_in_the_stream() {
    let server = ff_testkit::nats::server().await;
    let mut options = LogOptions::url(&server.url);
    options.epoch = Some(4);
    JetStreamLog::connect(options).await.unwrap();
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    assert_eq!(log.epoch(), 4);
    let first = append_many(&log, &key(1), 1).await.remove(0);
    assert_eq!(first.position, Position::new(4, 1));
}

#[tokio::test]
async fn a_stream_that_could_forget_is_refused() {
    let server = ff_testkit::nats::server().await;
    let context = async_nats::jetstream::new(server.client().await);
    let config = async_nats::jetstream::stream::Config {
        name: STREAM_NAME.to_owned(),
        subjects: vec!["ff.evt.*.*.*".to_owned()],
        max_age: std::time::Duration::from_secs(3600),
        allow_direct: true,
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let refused = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap_err();
    let LogError::ConfigDiffers { differences, stream } = &refused else { panic!("{refused:?}") };
    assert_eq!(stream, STREAM_NAME);
    let settings: Vec<_> = differences.iter().map(|each| each.setting).collect();
    assert_eq!(settings, ["discard", "max_age", "allow_atomic", "metadata ff.epoch"]);
    assert!(refused.to_string().contains("max_age must be 0ns, is 3600s"), "{refused}");
}

#[tokio::test]
async fn the_servers_own_stream_equals_what_was_asked_for() {
    let server = ff_testkit::nats::server().await;
    let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
    let context = async_nats::jetstream::new(log.client());
    let mut stream = context.get_stream(STREAM_NAME).await.unwrap();
    append_many(&log, &key(1), 3).await;
    assert!(stream.delete_message(2).await.is_err(), "deleting is denied");
    assert!(stream.purge().await.is_err(), "purging is denied");
    let config = &stream.info().await.unwrap().config;
    assert!(config.allow_direct && config.allow_atomic_publish);
    assert_eq!(config.max_age, std::time::Duration::ZERO);
    assert_eq!(config.persist_mode, None);
}

#[tokio::test]
async fn without_a_server_opening_is_unavailable() {
    let port = ff_testkit::ports::free_port();
    let url = format!("nats://127.0.0.1:{port}");
    let error = JetStreamLog::connect(LogOptions::url(url)).await.unwrap_err();
    assert!(matches!(error, LogError::Unavailable { .. }), "{error:?}");
}
