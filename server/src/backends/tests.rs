//! Against real servers behind a proxy that speaks TLS for them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ff_testkit::authority::{Authority, Signed};
use ff_testkit::tls_proxy::{Preamble, TlsProxy};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::*;

struct World {
    directory: TempDir,
    ours: Authority,
    other: Authority,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, ours: Authority::new("ours"), other: Authority::new("other") }
    }

    fn believing(&self, authority: &Authority, name: &str) -> settings::Backends {
        settings::Backends {
            authorities: authority.write(self.directory.path(), name),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
        }
    }

    fn showing(&self, client: &Signed) -> settings::Backends {
        let (certificate, key) = client.write(self.directory.path(), "client");
        settings::Backends { certificate, key, ..self.believing(&self.ours, "ours") }
    }

    async fn proxy(&self, target: SocketAddr, preamble: Preamble, clients: bool) -> TlsProxy {
        let clients = clients.then_some(&self.ours);
        TlsProxy::before(target, preamble, &self.ours.server(), clients).await
    }
}

fn nobody() -> settings::Backends {
    let nothing = PathBuf::new;
    settings::Backends { authorities: nothing(), certificate: nothing(), key: nothing() }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_variable_and_reason() {
    let world = World::new();
    let path = |name: &str| world.directory.path().join(name);
    fs::write(path("empty.pem"), "").unwrap();
    let (certificate, key) = world.ours.client().write(world.directory.path(), "one");
    let (_, other_key) = world.ours.client().write(world.directory.path(), "two");

    let authorities = |path| settings::Backends { authorities: path, ..nobody() };
    let shown = |certificate: &PathBuf, key: &PathBuf| settings::Backends {
        certificate: certificate.clone(),
        key: key.clone(),
        ..nobody()
    };
    for (wrong, expected) in [
        (
            authorities(path("absent.pem")),
            ["FF_BACKENDS_AUTHORITIES", "absent.pem", "No such file"],
        ),
        (
            authorities(path("empty.pem")),
            ["FF_BACKENDS_AUTHORITIES", "empty.pem", "no certificate"],
        ),
        (
            shown(&certificate, &path("absent.key")),
            ["FF_BACKENDS_KEY", "absent.key", "No such file"],
        ),
        (shown(&certificate, &certificate), ["FF_BACKENDS_KEY", "one.pem", "no private key"]),
        (shown(&certificate, &other_key), ["FF_BACKENDS_CERTIFICATE", "two.key", "one.pem"]),
        (
            shown(&certificate, &PathBuf::new()),
            ["FF_BACKENDS_CERTIFICATE", "is set", "FF_BACKENDS_KEY"],
        ),
        (shown(&PathBuf::new(), &key), ["FF_BACKENDS_KEY", "is set", "FF_BACKENDS_CERTIFICATE"]),
    ] {
        let said = chain(&Backends::load(&wrong).unwrap_err());
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    }
    Backends::load(&shown(&certificate, &key)).unwrap();
    Backends::load(&nobody()).unwrap();
}

#[test]
fn credentials_that_cannot_be_used_are_named_with_their_variable() {
    let nats = |url: &str, credentials: &str| settings::Nats {
        url: url.into(),
        credentials: credentials.into(),
        replicas: 1,
    };
    let backends = Backends::load(&nobody()).unwrap();
    backends.nats(&nats("tls://host:4222", "")).unwrap();
    let error = backends.nats(&nats("tls://host", "/absent/flags.creds")).unwrap_err();
    let said = format!("{error:#}");
    assert!(
        said.starts_with("FF_NATS_CREDENTIALS: cannot read /absent/flags.creds: No such"),
        "{said}"
    );
    let said = format!("{:#}", backends.nats(&nats("wss://user:s3cr3t@host", "")).unwrap_err());
    assert!(said.starts_with("FF_NATS_URL: ") && !said.contains("s3cr3t"), "{said}");
}

struct Database {
    options: PgConnectOptions,
    address: SocketAddr,
}

async fn database() -> Database {
    let database = ff_testkit::postgres::database().await;
    let options: PgConnectOptions = database.url.parse().unwrap();
    let address = (Ipv4Addr::LOCALHOST, options.get_port()).into();
    Database { options, address }
}

impl Database {
    async fn connect(
        &self,
        proxy: &TlsProxy,
        settings: &settings::Backends,
        tls: bool,
    ) -> Result<PgConnection, sqlx::Error> {
        let options = self.options.clone().host("localhost").port(proxy.port);
        let options = Backends::load(settings).unwrap().database(options, tls);
        PgConnection::connect_with(&options).await
    }
}

#[tokio::test]
async fn postgres_is_believed_by_its_authority_and_its_name() {
    let (world, database) = (World::new(), database().await);
    let proxy = world.proxy(database.address, Preamble::Postgres, false).await;
    let right = world.believing(&world.ours, "ours");
    let mut connection = database.connect(&proxy, &right, true).await.unwrap();
    sqlx::query("SELECT 1").execute(&mut connection).await.unwrap();
    assert_eq!(proxy.handshakes(), 1);

    for wrong in [world.believing(&world.other, "other"), nobody()] {
        let said = chain(&database.connect(&proxy, &wrong, true).await.unwrap_err());
        assert!(said.contains("UnknownIssuer"), "{said}");
    }
    let server = world.ours.server_at("postgres.example.com");
    let elsewhere = TlsProxy::before(database.address, Preamble::Postgres, &server, None).await;
    let said = chain(&database.connect(&elsewhere, &right, true).await.unwrap_err());
    assert!(said.contains("not valid for name"), "{said}");
    // Without TLS it is not even asked for, and not used if it is there.
    database.connect(&proxy, &right, false).await.unwrap_err();
    assert_eq!(proxy.handshakes(), 1);
}

#[tokio::test]
async fn postgres_in_the_clear_is_refused_when_tls_is_wanted() {
    let database = database().await;
    let backends = Backends::load(&nobody()).unwrap();
    let encrypted = backends.database(database.options.clone(), true);
    let said = chain(&PgConnection::connect_with(&encrypted).await.unwrap_err());
    assert!(said.contains("server does not support TLS"), "{said}");
    let plain = backends.database(database.options, false);
    PgConnection::connect_with(&plain).await.unwrap();
}

#[tokio::test]
async fn postgres_is_shown_a_certificate_as_it_is_on_disk() {
    let (world, database) = (World::new(), database().await);
    let proxy = world.proxy(database.address, Preamble::Postgres, true).await;
    let anonymous = world.believing(&world.ours, "ours");
    let said = chain(&database.connect(&proxy, &anonymous, true).await.unwrap_err());
    assert!(said.contains("CertificateRequired"), "{said}");
    let options = self_renewing(&world, |settings| {
        Backends::load(settings)
            .unwrap()
            .database(database.options.clone().host("localhost").port(proxy.port), true)
    });
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    sqlx::query("SELECT 1").execute(&mut connection).await.unwrap();
}

/// Makes something with a certificate that nobody believes, and puts another in its place.
fn self_renewing<T>(world: &World, make: impl FnOnce(&settings::Backends) -> T) -> T {
    let made = make(&world.showing(&world.other.client()));
    let _same_files = world.ours.client().write(world.directory.path(), "client");
    made
}

async fn answers(client: &clickhouse::Client) -> Result<u8, clickhouse::error::Error> {
    client.query("SELECT 1").fetch_one::<u8>().await
}

#[tokio::test]
async fn clickhouse_is_asked_by_https() {
    let (world, server) = (World::new(), ff_testkit::chdb::server().await);
    let port: u16 = server.url.rsplit_once(':').unwrap().1.parse().unwrap();
    let target = (Ipv4Addr::LOCALHOST, port).into();
    let proxy = world.proxy(target, Preamble::None, false).await;
    let url = format!("https://localhost:{}", proxy.port);
    let client = |settings: &settings::Backends, url: &str| {
        Backends::load(settings).unwrap().clickhouse(url)
    };
    let right = world.believing(&world.ours, "ours");
    assert_eq!(answers(&client(&right, &url)).await.unwrap(), 1);
    assert_eq!(answers(&client(&right, &server.url)).await.unwrap(), 1);
    let handshakes = proxy.handshakes();
    assert!(handshakes >= 1);

    for wrong in [world.believing(&world.other, "other"), nobody()] {
        let said = chain(&answers(&client(&wrong, &url)).await.unwrap_err());
        assert!(said.contains("UnknownIssuer"), "{said}");
    }
    let numbered = format!("https://127.0.0.2:{}", proxy.port);
    answers(&client(&right, &numbered)).await.unwrap_err();
    assert_eq!(proxy.handshakes(), handshakes);

    let asking = world.proxy(target, Preamble::None, true).await;
    let url = format!("https://localhost:{}", asking.port);
    answers(&client(&right, &url)).await.unwrap_err();
    let renewed = world.showing(&world.other.client());
    let renewing = client(&renewed, &url);
    answers(&renewing).await.unwrap_err();
    let _same_files = world.ours.client().write(world.directory.path(), "client");
    assert_eq!(answers(&renewing).await.unwrap(), 1);
}
