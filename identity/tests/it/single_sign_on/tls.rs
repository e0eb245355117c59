//! Providers prove who they are.

use std::sync::Arc;

use ff_identity::oidc::{
    ConnectionError, Outbound, OutboundError, OutboundOptions, ProviderError, Reach, SingleSignOn,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use super::world::{SEALING_KEY, draft, now};

/// Says 418 to everybody over TLS; its port.
async fn teapot(certificate: &CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust this goes away.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let answer =
                b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_provider_is_believed_by_its_certificate() {
    let pool = ff_testkit::postgres::database().await.pool;
    let certificate = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = teapot(&certificate).await;
    let ask = async |trusted: bool, host: &str| {
        let authorities = if trusted { vec![certificate.cert.der().clone()] } else { Vec::new() };
        let reach = Reach::Internal;
        let options = OutboundOptions { reach, authorities, ..OutboundOptions::default() };
        let outbound = Outbound::new(options).unwrap();
        let sso = SingleSignOn::new(pool.clone(), &SEALING_KEY.into(), outbound).unwrap();
        let draft = draft(&format!("https://{host}:{port}"));
        match sso.create_connection(Uuid::now_v7(), draft, now()).await {
            Err(ConnectionError::Provider(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let refused = |error: &ProviderError| {
        matches!(error, ProviderError::Request(OutboundError::Unreachable(_)))
    };
    let answered = ask(true, "localhost").await;
    assert!(matches!(*answered, ProviderError::Status { status: 418 }), "{answered:?}");
    let stranger = ask(false, "localhost").await;
    assert!(refused(&stranger), "{stranger:?}");
    let another_name = ask(true, "127.0.0.1").await;
    assert!(refused(&another_name), "{another_name:?}");
}
