//! A connection to Redis by TLS: who is believed, and who believes us.

use ff_limits::RedisTls;
use ff_testkit::authority::Authority;
use ff_testkit::tls_proxy::{Preamble, TlsProxy};

use super::*;

async fn proxy(server: &TestRedis, authority: &Authority, clients: bool) -> TlsProxy {
    let target = ([127, 0, 0, 1], server.port).into();
    let clients = clients.then_some(authority);
    TlsProxy::before(target, Preamble::None, &authority.server(), clients).await
}

fn encrypted(host: &str, proxy: &TlsProxy, tls: &RedisTls) -> Redis {
    Redis::new(host, proxy.port).with_patience(SOON).with_tls(tls.clone())
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_and_its_name() {
    let server = ff_testkit::redis::server().await;
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let proxy = proxy(&server, &ours, false).await;
    let believing = |authority: &Authority, name: &str| RedisTls {
        authorities: Some(authority.write(directory.path(), name)),
        certificate: None,
    };
    let (right, wrong) = (believing(&ours, "ours"), believing(&other, "other"));

    for doubtful in [
        encrypted("localhost", &proxy, &wrong),
        encrypted("localhost", &proxy, &RedisTls::default()),
        encrypted("127.0.0.2", &proxy, &right),
    ] {
        let limits = Limits::shared(doubtful).await;
        assert_eq!(limits.health(), Health::Alone);
    }
    assert_eq!(proxy.handshakes(), 0);

    let limits = Limits::shared(encrypted("localhost", &proxy, &right)).await;
    becomes(&limits, Health::Shared).await;
    limits.take(&[(&USER, user())], 1).await.unwrap();
    assert_eq!(limits.health(), Health::Shared);
    assert!(proxy.handshakes() >= 1);
}

#[tokio::test]
async fn a_certificate_is_shown_as_it_is_on_disk() {
    let server = ff_testkit::redis::server().await;
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let proxy = proxy(&server, &ours, true).await;
    let tls = RedisTls {
        authorities: Some(ours.write(directory.path(), "ours")),
        certificate: Some(other.client().write(directory.path(), "client")),
    };
    let anonymous = RedisTls { certificate: None, ..tls.clone() };
    let limits = Limits::shared(encrypted("localhost", &proxy, &anonymous)).await;
    assert_eq!(limits.health(), Health::Alone);

    let limits = Limits::shared(encrypted("localhost", &proxy, &tls)).await;
    assert_eq!(limits.health(), Health::Alone);
    let _same_files = ours.client().write(directory.path(), "client");
    becomes(&limits, Health::Shared).await;
}
