//! Seeing from outside that a server is up.
//!
//! Each probe speaks just enough of the server's protocol to tell "listens" from "answers".

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// When a process counts as up.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// As soon as it runs.
    Running,
    /// When it accepts connections.
    Tcp(SocketAddr),
    /// When it sends the greeting of a NATS server, which it does once JetStream is recovered.
    Nats(SocketAddr),
    /// When it lets this user begin to log in, which it does once crash recovery is over.
    Postgres(SocketAddr, String),
    /// When it answers a ping of Redis, which it does once its data are loaded.
    Redis(SocketAddr),
    /// When it answers a GET of this path with a success.
    Http(SocketAddr, String),
}

impl Readiness {
    /// The port it listens on, as far as this says so.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Running => None,
            Self::Tcp(address)
            | Self::Nats(address)
            | Self::Redis(address)
            | Self::Postgres(address, _)
            | Self::Http(address, _) => Some(address.port()),
        }
    }

    /// Whether it is up now. Takes at most two seconds.
    pub async fn check(&self) -> bool {
        const LIMIT: Duration = Duration::from_secs(2);
        matches!(timeout(LIMIT, self.probe()).await, Ok(Some(true)))
    }

    async fn probe(&self) -> Option<bool> {
        let (address, request) = match self {
            Self::Running => return Some(true),
            Self::Tcp(address) => return Some(TcpStream::connect(address).await.is_ok()),
            Self::Nats(address) => (address, Vec::new()),
            Self::Postgres(address, user) => (address, startup_message(user)),
            // It hangs up after the second answer, which is also where enough was read.
            Self::Redis(address) => (address, b"PING\r\nQUIT\r\n".to_vec()),
            Self::Http(address, path) => {
                let head = "Connection: close\r\nHost: localhost\r\n\r\n";
                (address, format!("GET {path} HTTP/1.1\r\n{head}").into_bytes())
            }
        };
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(&request).await.ok()?;
        let mut answer = [0; 12];
        let mut length = 0;
        while length < answer.len() {
            match stream.read(&mut answer[length..]).await.ok()? {
                0 => break,
                more => length += more,
            }
        }
        let answer = &answer[..length];
        Some(match self {
            Self::Running | Self::Tcp(_) => true,
            Self::Nats(_) => answer.starts_with(b"INFO "),
            // An authentication request; while it recovers it answers with an error, `E`.
            Self::Postgres(..) => answer.starts_with(b"R"),
            Self::Redis(_) => answer.starts_with(b"+PONG"),
            Self::Http(..) => answer.starts_with(b"HTTP/1.1 2"),
        })
    }
}

/// The first message of a PostgreSQL connection: length, protocol 3.0, parameters.
fn startup_message(user: &str) -> Vec<u8> {
    let parameters = format!("user\0{user}\0database\0postgres\0\0");
    let length = u32::try_from(8 + parameters.len()).expect("a user name is shorter than 4 GB");
    let mut message = Vec::with_capacity(8 + parameters.len());
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&(3_u32 << 16).to_be_bytes());
    message.extend_from_slice(parameters.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports;

    #[tokio::test]
    async fn a_listener_that_says_something_else_is_not_ready() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
            }
        });
        assert!(Readiness::Tcp(address).check().await);
        assert!(!Readiness::Nats(address).check().await);
        assert!(!Readiness::Postgres(address, "ff".into()).check().await);
        assert!(!Readiness::Redis(address).check().await);
        assert!(!Readiness::Http(address, "/readyz".into()).check().await);
        let nobody = ports::loopback(ports::free_port());
        assert!(!Readiness::Tcp(nobody).check().await);
    }
}
