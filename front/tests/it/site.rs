//! A served router, and clients of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use ff_front::{Certificates, ClientAddress, Listener, Protocols, ServeOptions, Tls, serve};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::authority::{Authority, Signed};

/// After this a test fails; nothing takes nearly as long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) certificates: Option<Certificates>,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<()>,
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/address", get(async |ClientAddress(address): ClientAddress| address.to_string()))
}

pub(crate) async fn start(tls: Option<&Tls>, router: Router, options: ServeOptions) -> Site {
    let protocols = Protocols::Http1AndHttp2;
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls, protocols).await.unwrap();
    let (address, certificates) = (listener.address(), listener.certificates().cloned());
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, router, options, stop.clone().cancelled_owned()));
    Site { address, certificates, stop, served }
}

impl Site {
    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn tls(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(ServerName::try_from("localhost").unwrap(), self.tcp().await).await
    }
}

/// A client that trusts an authority, and may have a certificate of its own.
pub(crate) fn client(trusts: &Authority, own: Option<&Signed>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusts.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// Asks for something over a connection of its own, and answers all that comes back.
pub(crate) async fn ask<S>(mut stream: S, head: &str) -> io::Result<String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}
