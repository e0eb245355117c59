//! A nats-server as a test wants it.

use std::ffi::OsString;

use ff_nats::{ConnectError, Server};
use ff_stack::{ProcessSpec, Readiness, StackError, artifacts::Artifact};
use ff_testkit::ports;
use futures::StreamExt as _;
use tempfile::TempDir;

/// It is killed when this is dropped.
pub(crate) struct Nats {
    pub(crate) port: u16,
    pub(crate) server: ff_stack::Server,
    _directory: TempDir,
}

impl Nats {
    pub(crate) async fn start<A: Into<OsString> + Clone>(arguments: &[A]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = Artifact::nats_server().ensure().await.unwrap();
        for attempt in 0.. {
            let port = ports::free_port();
            let spec = ProcessSpec::new("nats", &program, directory.path().join("nats.log"))
                .args(["-a", "127.0.0.1", "-p"])
                .args([port.to_string()])
                .args(arguments.iter().cloned())
                .readiness(Readiness::Nats(([127, 0, 0, 1], port).into()));
            match ff_stack::Server::start(spec).await {
                // Another test was faster to take the port.
                Err(StackError::EndedEarly { .. }) if attempt < 5 => {}
                server => return Self { port, server: server.unwrap(), _directory: directory },
            }
        }
        unreachable!()
    }

    pub(crate) fn at(&self, scheme: &str, login: &str) -> Server {
        Server::new(format!("{scheme}://{login}localhost:{}", self.port))
    }
}

/// Connects and hears its own word.
pub(crate) async fn works(server: &Server) -> Result<(), ConnectError> {
    let client = server.connect("test", |usual| usual).await?;
    let mut words = client.subscribe("word").await.unwrap();
    client.publish("word", "said".into()).await.unwrap();
    assert_eq!(words.next().await.unwrap().payload, "said");
    Ok(())
}

/// Why it does not work, with all causes.
pub(crate) async fn refusal(server: &Server) -> String {
    let error = works(server).await.unwrap_err();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
