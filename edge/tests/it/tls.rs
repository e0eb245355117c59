//! The edge behind TLS.

use std::sync::Arc;

use ff_edge::EdgeError;
use ff_front::Tls;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::publishing::{ENVIRONMENT, Publishing, on};
use crate::support::{SOON, keys, publish, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_with_a_certificate_answers_and_streams_through_tls() {
    let nats = ff_testkit::nats::server().await;
    let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
    let (server, client) = keys();
    publish(&mut publishing, &server, &client, &[on("a")]).await;
    let directory = tempfile::tempdir().unwrap();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let data = directory.path().join("data");
    let tls = Tls::new(&certificate, &key);
    let edge = start_with(&nats.url, &data, |options| options.tls = Some(tls)).await;

    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let ask = async |path: &str, until: &str| {
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(edge.address()).await.unwrap();
        let mut stream = connector.connect(name, tcp).await.unwrap();
        let key = &server.text;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(until) {
            let read = tokio::time::timeout(SOON, stream.read_buf(&mut answer)).await.unwrap();
            assert_ne!(read.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap()
    };
    ff_testkit::eventually(SOON, || async { ask("/readyz", "\r\n\r\n").await.contains(" 200 ") })
        .await;
    let answer = ask("/healthz", "ok").await;
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    ff_testkit::eventually(SOON, || async {
        ask("/v1/stream", "\r\n\r\n").await.starts_with("HTTP/1.1 200")
    })
    .await;
    ask("/v1/stream", "event: put").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_there_stops_the_start() {
    let nats = ff_testkit::nats::server().await;
    let directory = tempfile::tempdir().unwrap();
    let mut options =
        ff_edge::EdgeOptions::new("127.0.0.1:0".parse().unwrap(), &*nats.url, directory.path());
    options.tls = Some(Tls::new(directory.path().join("none.pem"), "key.pem"));
    let error = ff_edge::Edge::start(options).await.unwrap_err();
    assert!(matches!(error, EdgeError::Tls(_)), "{error}");
    assert_eq!(error.code(), "FF-4040");
    assert!(error.to_string().contains("FF_TLS_CERTIFICATE"), "{error}");
}
