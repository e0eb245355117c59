//! The two logs under the same tests.

use ff_eventlog::{EventLog, JetStreamLog, LogOptions, MemoryLog, StreamKey};

/// A log and a way to write into it what no honest writer would.
pub(crate) trait Fixture {
    type Log: EventLog + std::fmt::Debug;

    async fn new() -> Self;

    fn log(&self) -> &Self::Log;

    async fn write_raw(&self, key: &StreamKey, bytes: Vec<u8>);
}

pub(crate) struct Memory(MemoryLog);

impl Fixture for Memory {
    type Log = MemoryLog;

    async fn new() -> Self {
        Self(MemoryLog::new())
    }

    fn log(&self) -> &MemoryLog {
        &self.0
    }

    async fn write_raw(&self, key: &StreamKey, bytes: Vec<u8>) {
        self.0.write_raw(key.clone(), bytes);
    }
}

pub(crate) struct Nats {
    log: JetStreamLog,
    _server: ff_testkit::nats::TestNats,
}

impl Fixture for Nats {
    type Log = JetStreamLog;

    async fn new() -> Self {
        let server = ff_testkit::nats::server().await;
        let log = JetStreamLog::connect(LogOptions::url(&server.url)).await.unwrap();
        Self { log, _server: server }
    }

    fn log(&self) -> &JetStreamLog {
        &self.log
    }

    async fn write_raw(&self, key: &StreamKey, bytes: Vec<u8>) {
        let subject = format!("ff.evt.{}.{}.{}", key.org, key.kind, key.id);
        let context = async_nats::jetstream::new(self.log.client());
        context.publish(subject, bytes.into()).await.unwrap().await.unwrap();
    }
}

/// Makes a test on each log of every named function of the module, generic over [`Fixture`].
macro_rules! on_both_logs {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            use crate::fixture::{Fixture, Memory};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Memory::new().await).await;
            })+
        }
        mod jetstream {
            use crate::fixture::{Fixture, Nats};
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Nats::new().await).await;
            })+
        }
    };
}

pub(crate) use on_both_logs;
