//! Who gets through TLS, and who does not.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ff_front::{
    BindError, ConnectionLimits, Listener, Protocols, Reloaded, ServeOptions, Tls, TlsError,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::authority::{Authority, For};
use crate::site::{SOON, Site, ask, client, router, start};

struct Encrypted {
    site: Site,
    authority: Authority,
    directory: TempDir,
}

async fn encrypted(purpose: For, clients: Option<(&Authority, bool)>) -> Encrypted {
    encrypted_with(purpose, clients, ServeOptions::default()).await
}

async fn encrypted_with(
    purpose: For,
    clients: Option<(&Authority, bool)>,
    options: ServeOptions,
) -> Encrypted {
    let authority = Authority::new("ours");
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.sign(purpose).write(directory.path());
    let mut tls = Tls::new(certificate, key);
    if let Some((clients, required)) = clients {
        let path = directory.path().join("clients.pem");
        std::fs::write(&path, clients.pem()).unwrap();
        tls.client_authorities = Some(path);
        tls.client_required = required;
    }
    let site = start(Some(&tls), router(), options).await;
    Encrypted { site, authority, directory }
}

impl Encrypted {
    /// What a client gets that trusts an authority and shows a certificate. A server that turns a client away says so
    /// after its own part of the handshake, so that it shows when reading.
    async fn get(
        &self,
        trusts: &Authority,
        own: Option<&crate::authority::Signed>,
    ) -> std::io::Result<String> {
        let stream = self.site.tls(client(trusts, own)).await?;
        ask(stream, "GET / HTTP/1.1").await
    }
}

fn is_hello(answer: &std::io::Result<String>) -> bool {
    answer.as_ref().is_ok_and(|text| text.starts_with("HTTP/1.1 200") && text.ends_with("hello"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_trusts_the_authority_is_answered() {
    let site = encrypted(For::Server, None).await;
    let answer = site.get(&site.authority, None).await;
    assert!(is_hello(&answer), "{answer:?}");
    let answer = site.get(&Authority::new("another"), None).await;
    assert!(answer.unwrap_err().to_string().contains("UnknownIssuer"));
    // Without TLS there is nothing to hear.
    let answer = ask(site.site.tcp().await, "GET / HTTP/1.1").await;
    assert!(!is_hello(&answer), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_seen_by_clients() {
    let site = encrypted(For::ExpiredServer, None).await;
    let error = site.get(&site.authority, None).await.unwrap_err().to_string();
    assert!(error.contains("expired"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_its_certificate_where_it_must() {
    let clients = Authority::new("clients");
    let (good, expired) = (clients.sign(For::Client), clients.sign(For::ExpiredClient));
    let server = clients.sign(For::Server);
    let forged = Authority::new("clients").sign(For::Client);
    for required in [true, false] {
        let site = encrypted(For::Server, Some((&clients, required))).await;
        for (what, own, welcome) in [
            ("good", Some(&good), true),
            ("none", None, !required),
            ("expired", Some(&expired), false),
            ("of another authority of the same name", Some(&forged), false),
            ("meant for a server", Some(&server), false),
        ] {
            let answer = site.get(&site.authority, own).await;
            assert_eq!(is_hello(&answer), welcome, "{what}, required: {required}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_agree_on_http2_if_both_speak_it() {
    let site = encrypted(For::Server, None).await;
    for (offered, agreed) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut config = client(&site.authority, None);
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let stream = site.site.tls(config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        if agreed == Some(b"h2") {
            let io = hyper_util::rt::TokioIo::new(stream);
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(executor, io).await.unwrap();
            tokio::spawn(connection);
            let request = hyper::Request::get("https://localhost/");
            let request = request.body(axum::body::Body::empty()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
        } else {
            assert!(is_hello(&ask(stream, "GET / HTTP/1.1").await));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_keep_nobody_waiting() {
    let site = encrypted(For::Server, None).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(site.site.tcp().await);
    }
    let answer = tokio::time::timeout(SOON / 3, site.get(&site.authority, None)).await;
    assert!(is_hello(&answer.expect("it is answered before the silent ones are given up")));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_count_for_their_address() {
    let two = NonZeroUsize::new(2).unwrap();
    let connections = ConnectionLimits { of_address: two, ..ConnectionLimits::default() };
    let options = ServeOptions { connections, ..ServeOptions::default() };
    let encrypted = encrypted_with(For::Server, None, options).await;
    let silent = [encrypted.site.tcp().await, encrypted.site.tcp().await];
    // Nothing was said to it, and nothing comes back: it ends before the handshake.
    let mut closed = encrypted.site.tcp().await;
    let mut rest = Vec::new();
    let read = timeout(SOON, closed.read_to_end(&mut rest)).await.expect("it is closed at once");
    assert_eq!((read.ok(), rest), (Some(0), Vec::new()));

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let tcp = socket.connect(encrypted.site.address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client(&encrypted.authority, None)));
    let stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    assert!(is_hello(&ask(stream, "GET / HTTP/1.1").await), "others are served");

    drop(silent);
    let again = async { while !is_hello(&encrypted.get(&encrypted.authority, None).await) {} };
    timeout(SOON, again).await.expect("handshakes that end free their places");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_used_and_a_broken_one_is_not() {
    let site = encrypted(For::Server, None).await;
    let certificates = site.site.certificates.as_ref().unwrap();
    assert!(matches!(certificates.read_again().await, Reloaded::Unchanged));
    let mut open = site.site.tls(client(&site.authority, None)).await.unwrap();

    // A new certificate whose key is not there yet.
    let next = Authority::new("next");
    let signed = next.sign(For::Server);
    let path = site.directory.path();
    std::fs::write(path.join("cert.pem"), &signed.certificate).unwrap();
    let error = kept(certificates.read_again().await);
    assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("FF_TLS_CERTIFICATE"), "{error}");
    assert!(matches!(certificates.read_again().await, Reloaded::Unchanged));
    assert!(is_hello(&site.get(&site.authority, None).await));

    signed.write(path);
    assert!(matches!(certificates.read_again().await, Reloaded::Changed));
    assert!(is_hello(&site.get(&next, None).await));
    assert!(site.get(&site.authority, None).await.is_err());

    // A file that is away, and one that is none.
    std::fs::remove_file(path.join("key.pem")).unwrap();
    let error = kept(certificates.read_again().await);
    assert!(matches!(error, TlsError::Unreadable { variable: "FF_TLS_KEY", .. }), "{error}");
    std::fs::write(path.join("key.pem"), "nonsense").unwrap();
    let error = kept(certificates.read_again().await);
    assert!(matches!(error, TlsError::Missing { variable: "FF_TLS_KEY", .. }), "{error}");
    assert!(is_hello(&site.get(&next, None).await));

    // The connection from before all this is still there.
    open.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    open.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

fn kept(reloaded: Reloaded) -> TlsError {
    match reloaded {
        Reloaded::Kept(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_wrong_at_the_start_names_the_variable_and_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let (certificate, key) = authority.sign(For::Server).write(directory.path());
    let none = directory.path().join("none.pem");
    let with_clients = |path: &Path| Tls {
        client_authorities: Some(path.to_owned()),
        ..Tls::new(&certificate, &key)
    };
    for (tls, variable, file) in [
        (Tls::new(&none, &key), "FF_TLS_CERTIFICATE", "none.pem"),
        (Tls::new(&key, &key), "FF_TLS_CERTIFICATE", "key.pem"),
        (Tls::new(&certificate, &none), "FF_TLS_KEY", "none.pem"),
        (Tls::new(&certificate, &certificate), "FF_TLS_KEY", "cert.pem"),
        (with_clients(&none), "FF_TLS_CLIENT_AUTHORITIES", "none.pem"),
        (with_clients(&key), "FF_TLS_CLIENT_AUTHORITIES", "key.pem"),
    ] {
        let bound = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(&tls), Protocols::Http1);
        let Err(BindError::Tls(error)) = bound.await else { panic!("{tls:?}") };
        let text = error.to_string();
        assert!(text.starts_with(variable) && text.contains(file), "{text}");
    }
    let required = Tls { client_required: true, ..Tls::new(&certificate, &key) };
    let bound = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(&required), Protocols::Http1);
    let Err(BindError::Tls(error)) = bound.await else { panic!("it needs authorities") };
    assert!(error.to_string().contains("FF_TLS_CLIENT_AUTHORITIES"), "{error}");
}

#[test]
fn settings_are_complete_or_absent() {
    let tls = |certificate: &str, key: &str, authorities: &str, required| {
        Tls::from_paths(certificate.as_ref(), key.as_ref(), authorities.as_ref(), required)
    };
    assert_eq!(tls("", "", "", false).unwrap(), None);
    assert_eq!(tls("c", "k", "", false).unwrap(), Some(Tls::new("c", "k")));
    let all = tls("c", "k", "a", true).unwrap().unwrap();
    assert!(all.client_required && all.client_authorities.is_some());
    for incomplete in [
        tls("c", "", "", false),
        tls("", "k", "", false),
        tls("", "", "a", false),
        tls("c", "k", "", true),
    ] {
        assert!(matches!(incomplete, Err(TlsError::Incomplete { .. })), "{incomplete:?}");
    }
}
