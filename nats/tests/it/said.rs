//! What is logged about a connection that is tried in the background.

use std::cell::RefCell;
use std::io;
use std::sync::Once;
use std::time::Duration;

use ff_nats::Server;
use ff_testkit::{authority::Authority, eventually};
use tracing_subscriber::filter::LevelFilter;

use crate::nats::Nats;

thread_local! {
    /// What was logged on this thread, on which all tasks of a test run.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps apart what each thread logs. The subscriber itself is everyone's: one of a thread alone would miss what
/// another thread was the first to say.
struct Log;

impl Log {
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Self);
            let subscriber = subscriber.with_max_level(LevelFilter::TRACE).finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
    }

    fn text() -> String {
        LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap())
    }

    fn warnings() -> Vec<String> {
        let text = Self::text();
        let ours = text.lines().filter(|line| line.contains("WARN ff_nats"));
        ours.map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_server_that_is_not_believed_is_complained_about_once() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = Authority::new("other").server().write(directory.path(), "server");
    let ours = Authority::new("ours").write(directory.path(), "ours");
    let nats = Nats::start(&[
        "--tls".into(),
        "--tlscert".into(),
        certificate.into_os_string(),
        "--tlskey".into(),
        key.into_os_string(),
    ])
    .await;
    Log::listen();
    let server = nats.at("tls", "flags:s3cr3t@").with_authorities(ours);
    let _client = server.connect("test", |usual| usual.retry_on_initial_connect()).await.unwrap();
    // The client says of each attempt that it fails, and nothing of why.
    let attempts = async || Log::text().matches("client error: ").count() > 8;
    eventually(Duration::from_secs(60), attempts).await;
    let warnings = Log::warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("UnknownIssuer"), "{warnings:?}");
    assert!(warnings[0].contains("localhost"), "{warnings:?}");
    assert!(!Log::text().contains("s3cr3t"));
}

#[tokio::test]
async fn not_even_the_smallest_detail_has_a_password_in_it() {
    let nats = Nats::start(&["--user", "flags", "--pass", "s3cr3t"]).await;
    Log::listen();
    for login in ["flags:s3cr3t@", "flags:s3cr3t-wrong@"] {
        let _ = nats.at("nats", login).connect("test", |usual| usual).await;
    }
    let _ = Server::new("wss://flags:s3cr3t@localhost").connect("test", |usual| usual).await;
    let text = Log::text();
    assert!(text.contains("localhost"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}
