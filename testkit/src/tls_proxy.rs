//! TLS before a server that has none: what comes in encrypted goes on in the clear.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Signed};
use crate::must;

/// What is said before TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// Nothing.
    None,
    /// A client of PostgreSQL asks for TLS and is told that there is.
    Postgres,
}

/// A proxy. It ends when this is dropped; connections that are open go on.
#[derive(Debug)]
pub struct TlsProxy {
    /// Its port on the loopback address.
    pub port: u16,
    handshakes: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl TlsProxy {
    /// Stands before the server at `target`. With `clients`, only those get in that show a certificate of this
    /// authority.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn before(
        target: SocketAddr,
        preamble: Preamble,
        server: &Signed,
        clients: Option<&Authority>,
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(server, clients)));
        let listener = must(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await, "listen");
        let port = must(listener.local_addr(), "find the port").port();
        let handshakes = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&handshakes);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                // A client that does not like us, or whom we do not like, is what some tests are about.
                tokio::spawn(async move { pass(client, target, preamble, acceptor, &seen).await });
            }
        });
        Self { port, handshakes, task }
    }

    /// How many connections were encrypted.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    preamble: Preamble,
    acceptor: TlsAcceptor,
    handshakes: &AtomicUsize,
) -> std::io::Result<()> {
    if preamble == Preamble::Postgres {
        /// Length 8, and the number that stands where the version of the protocol would.
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
        let mut request = [0; 8];
        client.read_exact(&mut request).await?;
        if request != SSL_REQUEST {
            return Ok(());
        }
        client.write_all(b"S").await?;
    }
    let mut client = acceptor.accept(client).await?;
    handshakes.fetch_add(1, Ordering::Relaxed);
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

fn config(server: &Signed, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = match clients {
        None => Arc::new(NoClientAuth),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            must(roots.add(certificate(&authority.pem())), "use an authority");
            let builder =
                WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
            must(builder.build(), "ask for certificates")
        }
    };
    let key = must(PrivateKeyDer::from_pem_slice(server.key.as_bytes()), "read a key");
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = must(builder.with_safe_default_protocol_versions(), "choose versions of TLS");
    let builder = builder.with_client_cert_verifier(verifier);
    must(builder.with_single_cert(vec![certificate(&server.certificate)], key), "use a certificate")
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    must(CertificateDer::from_pem_slice(pem.as_bytes()), "read a certificate")
}
