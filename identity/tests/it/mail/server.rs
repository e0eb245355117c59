//! An SMTP server.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What a client said, envelope and content.
pub(super) type Received = mpsc::UnboundedReceiver<Vec<String>>;

/// Stands in what a client said where TLS began.
pub(super) const FROM_HERE_ON_TLS: &str = "(TLS)";

/// How it speaks.
pub(super) enum Speaks {
    /// Without TLS.
    Plain,
    /// TLS from the first byte.
    Tls(TlsAcceptor),
    /// It offers TLS, and begins with it when the client wants to.
    StartTls(TlsAcceptor),
    /// It offers TLS, and then refuses.
    StartTlsInVain,
}

/// How a conversation ended.
enum Ended {
    Gone,
    WantsTls,
}

/// A server for whoever comes, which answers `to` to `RCPT TO`.
pub(super) async fn server(to: &'static str, speaks: Speaks) -> (u16, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut said = Vec::new();
            // A client that does not like a certificate is gone in the middle of it.
            match &speaks {
                Speaks::Plain => _ = talk(&mut stream, to, Some(""), &mut said).await,
                Speaks::Tls(tls) => {
                    if let Ok(mut stream) = tls.accept(stream).await {
                        talk(&mut stream, to, Some(""), &mut said).await;
                    }
                }
                Speaks::StartTlsInVain => {
                    let refusing = Some("454 no certificate today");
                    talk(&mut stream, to, refusing, &mut said).await;
                }
                Speaks::StartTls(tls) => {
                    if let Ended::WantsTls =
                        talk(&mut stream, to, Some("220 go ahead"), &mut said).await
                        && let Ok(mut stream) = tls.accept(stream).await
                    {
                        said.push(FROM_HERE_ON_TLS.to_owned());
                        talk(&mut stream, to, None, &mut said).await;
                    }
                }
            }
            sender.send(said).unwrap();
        }
    });
    (port, received)
}

/// `starttls` is the answer to that, empty if it is not offered; without it, the greeting has been.
async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    to: &str,
    starttls: Option<&str>,
    said: &mut Vec<String>,
) -> Ended {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let mut content = false;
    if starttls.is_some() {
        write.write_all(b"220 test ESMTP\r\n").await.unwrap();
    }
    let starttls = starttls.unwrap_or_default();
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match verb.as_str() {
            _ if content && line == "." => {
                content = false;
                "250 taken"
            }
            _ if content => "",
            "EHLO" if starttls.is_empty() => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "EHLO" => "250-test\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "STARTTLS" => starttls,
            "AUTH" => "235 welcome",
            "RCPT" => to,
            "DATA" => {
                content = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        said.push(line);
        if !answer.is_empty() {
            write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        if verb == "STARTTLS" && answer.starts_with("220") {
            return Ended::WantsTls;
        }
    }
    Ended::Gone
}
