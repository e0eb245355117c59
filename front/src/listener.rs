//! Accepting connections, with TLS or without.
//!
//! Handshakes run beside accepting. When as many are under way as there may be, the one that has taken longest gives
//! up its place, but not before a second: an honest client needs milliseconds, and those who come back all at once
//! after a restart wait in the queue of the system.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use crate::places::Place;
use crate::{Certificates, Places, Stream, Tls, TlsError};

/// Handshakes that are under way at one time.
const HANDSHAKES: usize = 1024;
/// How long a handshake may take at most.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long it may take when others wait for its place.
const COURTESY: Duration = Duration::from_secs(1);

/// Which protocols are offered to those who come through TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 first; also without TLS, for whoever starts with it.
    Http1AndHttp2,
}

impl Protocols {
    pub(crate) fn names(self) -> &'static [&'static [u8]] {
        match self {
            Self::Http1 => &[b"http/1.1"],
            Self::Http1AndHttp2 => &[b"h2", b"http/1.1"],
        }
    }
}

/// Accepts connections. One that is dropped ends every handshake under way.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    protocols: Protocols,
    tls: Option<Handshakes>,
    places: Option<Places>,
}

/// A service cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, or is none of this machine's.
    #[error("cannot listen; free the port or choose another one")]
    Listen(#[source] io::Error),
    /// The certificate or something that belongs to it cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A connection before its handshake.
#[derive(Debug)]
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    place: Option<Place>,
}

#[derive(Debug)]
struct Handshakes {
    certificates: Certificates,
    /// How many there may be.
    most: usize,
    running: JoinSet<Option<(Stream, SocketAddr)>>,
    /// Oldest first; some have ended.
    started: VecDeque<(Instant, AbortHandle)>,
    /// Ends with this.
    _watching: JoinSet<()>,
}

impl Listener {
    /// Listens at an address; port 0 takes any free one.
    ///
    /// # Errors
    /// [`BindError`].
    pub async fn bind(
        address: SocketAddr,
        tls: Option<&Tls>,
        protocols: Protocols,
    ) -> Result<Self, BindError> {
        let tls = match tls {
            Some(tls) => Some(Handshakes::new(Certificates::load(tls, protocols).await?)),
            None => None,
        };
        let tcp = TcpListener::bind(address).await.map_err(BindError::Listen)?;
        let address = tcp.local_addr().map_err(BindError::Listen)?;
        Ok(Self { tcp, address, protocols, tls, places: None })
    }

    /// The same, for as many connections as there are places. A connection has its place from here to its end.
    #[must_use]
    pub fn with_places(self, places: Places) -> Self {
        Self { places: Some(places), ..self }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which protocols it offers.
    #[must_use]
    pub fn protocols(&self) -> Protocols {
        self.protocols
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The certificates it shows.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.tls.as_ref().map(|tls| &tls.certificates)
    }

    /// The next connection, and who is at its other end. Nothing is lost if this is dropped and called again.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        let accepting = || accept(&self.tcp, self.places.as_ref());
        let Some(tls) = &mut self.tls else {
            let Accepted { stream, peer, place } = accepting().await;
            return (Stream::plain(stream, place), peer);
        };
        loop {
            let full = tls.running.len() >= tls.most;
            tokio::select! {
                Some(done) = tls.running.join_next() => {
                    // What failed is between the client and its connection.
                    if let Ok(Some(encrypted)) = done {
                        return encrypted;
                    }
                }
                accepted = accepting(), if !full => tls.start(accepted),
                () = courtesy(&mut tls.started), if full => {
                    if let Some((_, longest)) = tls.started.pop_front() {
                        longest.abort();
                    }
                }
            }
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        Self::accept(self).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Handshakes {
    fn new(certificates: Certificates) -> Self {
        let mut watching = JoinSet::new();
        watching.spawn(certificates.clone().watch());
        Self {
            certificates,
            most: HANDSHAKES,
            running: JoinSet::new(),
            started: VecDeque::new(),
            _watching: watching,
        }
    }

    fn start(&mut self, Accepted { stream, peer, place }: Accepted) {
        let acceptor = TlsAcceptor::from(self.certificates.current());
        let handle = self.running.spawn(async move {
            match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => Some((Stream::tls(stream, place), peer)),
                Ok(Err(error)) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a handshake has failed"
                    );
                    None
                }
                Err(_) => None,
            }
        });
        if self.started.len() >= 2 * self.most {
            self.started.retain(|(_, handle)| !handle.is_finished());
        }
        self.started.push_back((Instant::now(), handle));
    }
}

/// Waits until the oldest handshake has had its second.
async fn courtesy(started: &mut VecDeque<(Instant, AbortHandle)>) {
    while started.front().is_some_and(|(_, handle)| handle.is_finished()) {
        started.pop_front();
    }
    match started.front() {
        Some((since, _)) => sleep_until(*since + COURTESY).await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: &TcpListener, places: Option<&Places>) -> Accepted {
    let Some(places) = places else {
        let (stream, peer) = next(listener).await;
        return Accepted { stream, peer, place: None };
    };
    loop {
        let room = places.room().await;
        let (stream, peer) = next(listener).await;
        // Whose address has its share already is gone with its stream.
        if let place @ Some(_) = places.take(room, peer.ip()) {
            return Accepted { stream, peer, place };
        }
    }
}

/// The next connection, whoever it is from.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and complete; waiting to fill a packet would only delay them.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Most likely out of file descriptors; those of ended connections come back.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept a connection"
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Whether only the connection that came is gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn whoever_takes_longest_gives_up_the_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path("cert.pem"), signed.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), signed.signing_key.serialize_pem()).unwrap();
        let tls = Tls::new(path("cert.pem"), path("key.pem"));
        let address = "127.0.0.1:0".parse().unwrap();
        let mut listener = Listener::bind(address, Some(&tls), Protocols::Http1).await.unwrap();
        listener.tls.as_mut().unwrap().most = 4;
        let address = listener.address();

        let mut silent = Vec::new();
        for _ in 0..6 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut roots = RootCertStore::empty();
        roots.add(signed.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connecting = tokio::spawn(async move {
            let name = ServerName::try_from("localhost").unwrap();
            let tcp = TcpStream::connect(address).await.unwrap();
            TlsConnector::from(Arc::new(config)).connect(name, tcp).await
        });
        // The silent ones would have kept their places for ten seconds.
        let accepted = timeout(HANDSHAKE / 2, listener.accept()).await;
        assert!(accepted.expect("a place is free before that").0.is_tls());
        connecting.await.unwrap().unwrap();
        drop(silent);
    }
}
