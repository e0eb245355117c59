//! TLS: whom we believe, and who believes us.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use ff_nats::Server;
use ff_testkit::authority::{Authority, Signed};
use tempfile::TempDir;

use crate::nats::{Nats, refusal, works};

struct World {
    directory: TempDir,
    authority: Authority,
    file: PathBuf,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        let file = authority.write(directory.path(), "ours");
        Self { directory, authority, file }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn nats(&self, server: &Signed, clients: bool) -> Nats {
        let (certificate, key) = server.write(self.path(), "server");
        let mut arguments = vec!["--tls".into(), "--tlscert".into(), certificate.into_os_string()];
        arguments.extend(["--tlskey".into(), key.into_os_string()]);
        if clients {
            arguments.extend([
                "--tlsverify".into(),
                "--tlscacert".into(),
                self.file.clone().into_os_string(),
            ]);
        }
        Nats::start(&arguments).await
    }
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_alone() {
    let world = World::new();
    let nats = world.nats(&world.authority.server(), false).await;
    works(&nats.at("tls", "").with_authorities(&world.file)).await.unwrap();
    works(&nats.at("nats", "").with_authorities(&world.file)).await.unwrap();
    let by_number = Server::new(format!("tls://127.0.0.1:{}", nats.port));
    works(&by_number.with_authorities(&world.file)).await.unwrap();

    let other = Authority::new("other").write(world.path(), "other");
    for doubtful in
        [nats.at("tls", ""), nats.at("nats", ""), nats.at("tls", "").with_authorities(other)]
    {
        let said = refusal(&doubtful).await;
        assert!(said.contains("UnknownIssuer"), "{said}");
        assert!(said.contains(&format!("localhost:{}", nats.port)), "{said}");
    }
}

#[tokio::test]
async fn a_server_of_another_name_is_another_server() {
    let world = World::new();
    let nats = world.nats(&world.authority.server_at("nats.example.com"), false).await;
    let said = refusal(&nats.at("tls", "").with_authorities(&world.file)).await;
    assert!(said.contains("not valid for name"), "{said}");
}

#[tokio::test]
async fn a_server_in_the_clear_is_not_talked_to_when_tls_is_wanted() {
    let world = World::new();
    let nats = Nats::start::<&str>(&[]).await;
    works(&nats.at("nats", "")).await.unwrap();
    refusal(&nats.at("tls", "")).await;
    refusal(&nats.at("nats", "").with_authorities(&world.file)).await;
    // Nobody else can hear this.
    let at_home = Server::new(format!("nats://127.0.0.1:{}", nats.port));
    works(&at_home.with_authorities(&world.file)).await.unwrap();
}

#[tokio::test]
async fn a_certificate_is_shown_to_a_server_that_asks_for_one() {
    let world = World::new();
    let nats = world.nats(&world.authority.server(), true).await;
    let server = nats.at("tls", "").with_authorities(&world.file);
    let (certificate, key) = world.authority.client().write(world.path(), "client");
    works(&server.clone().with_certificate(certificate, key)).await.unwrap();

    let said = refusal(&server).await;
    assert!(said.contains("CertificateRequired"), "{said}");
    let (certificate, key) = Authority::new("other").client().write(world.path(), "stranger");
    let said = refusal(&server.with_certificate(certificate, key)).await;
    assert!(said.contains("fatal alert"), "{said}");
}

#[tokio::test]
async fn what_is_renewed_on_disk_is_used_by_the_next_connection() {
    let world = World::new();
    let mut nats = world.nats(&world.authority.server(), true).await;
    let stranger = Authority::new("other").client();
    let (certificate, key) = stranger.write(world.path(), "client");
    let server =
        nats.at("tls", "").with_authorities(&world.file).with_certificate(certificate, key);
    refusal(&server).await;
    let _same_files = world.authority.client().write(world.path(), "client");
    works(&server).await.unwrap();

    // And by a connection that is made again.
    let client = server.connect("test", |usual| usual).await.unwrap();
    let renewed = Authority::new("renewed");
    let _same_file = renewed.write(world.path(), "ours");
    let _same_files = renewed.server().write(world.path(), "server");
    let _same_files = renewed.client().write(world.path(), "client");
    nats.server.restart().await.unwrap();
    let connects = async || client.statistics().connects.load(Ordering::Relaxed) >= 2;
    ff_testkit::eventually(Duration::from_secs(60), connects).await;
    client.flush().await.unwrap();
}
