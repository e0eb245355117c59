//! Mail goes over TLS, to a server with the right certificate, or not at all.

use std::error::Error;
use std::sync::Arc;

use ff_identity::MailError;
use ff_identity::mail::{Encryption, MailServer, Mailer};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::server::{FROM_HERE_ON_TLS, Received, Speaks, server};
use super::{LINK, TO, decoded, invite, options};

/// Signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Of a server with this name.
    fn certify(&self, name: &str) -> TlsAcceptor {
        self.certify_until(name, 4000)
    }

    fn certify_until(&self, name: &str, year: i32) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config).into()
    }
}

type Begin = fn(TlsAcceptor) -> Speaks;

/// Both ways to TLS.
const WAYS: [(Encryption, Begin); 2] =
    [(Encryption::Tls, Speaks::Tls), (Encryption::StartTls, Speaks::StartTls)];

fn over_tls(port: u16, encryption: Encryption, authorities: Option<String>) -> Mailer {
    Mailer::smtp(&MailServer { encryption, authorities, ..options(port) }).unwrap()
}

fn causes(error: &dyn Error) -> String {
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        all = format!("{all}: {error}");
        cause = error.source();
    }
    all
}

/// Nothing that matters was said without TLS.
async fn gave_nothing_away(received: &mut Received) {
    let said = received.recv().await.unwrap();
    let plain = said.iter().take_while(|line| *line != FROM_HERE_ON_TLS);
    let told = plain
        .filter(|line| !line.starts_with("EHLO") && !["STARTTLS", "QUIT"].contains(&line.as_str()));
    assert_eq!(told.count(), 0, "{said:?}");
}

#[tokio::test]
async fn it_goes_to_who_has_a_certificate_of_an_authority() {
    // Of the two that are trusted beside those of the system, one has signed.
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let trusted = format!("{}{}", other.pem, authority.pem);
    for (encryption, speaks) in WAYS {
        let (port, mut received) = server("250 fine", speaks(authority.certify("127.0.0.1"))).await;
        let mailer = over_tls(port, encryption, Some(trusted.clone()));
        invite(&mailer, TO, "Acme").await.unwrap();
        let said = received.recv().await.unwrap();
        let begins = said.iter().position(|line| line == FROM_HERE_ON_TLS);
        if encryption == Encryption::StartTls {
            assert_eq!(said[..begins.unwrap()], ["EHLO example.org", "STARTTLS"]);
            // What was said before may have come from anybody, so it begins anew.
            assert_eq!(said[begins.unwrap() + 1], "EHLO example.org");
        }
        assert!(said.iter().any(|line| line.starts_with("AUTH PLAIN ")), "{said:?}");
        assert!(decoded(&said).contains(LINK));
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_gets_nothing_and_is_told() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("another"));
    for (encryption, speaks) in WAYS {
        for (certificate, why) in [
            (stranger.certify("127.0.0.1"), "UnknownIssuer"),
            (authority.certify("mail.example.org"), "not valid for name"),
            (authority.certify_until("127.0.0.1", 2020), "expired"),
        ] {
            let (port, mut received) = server("250 fine", speaks(certificate)).await;
            let mailer = over_tls(port, encryption, Some(authority.pem.clone()));
            let error = invite(&mailer, TO, "Acme").await.unwrap_err();
            assert!(matches!(error, MailError::Untrusted(_)), "{error:?}");
            let told = causes(&error);
            assert!(
                told.starts_with("the certificate of the mail server is not accepted"),
                "{told}"
            );
            assert!(told.contains(why), "{told}");
            gave_nothing_away(&mut received).await;
        }
    }
}

#[tokio::test]
async fn without_authorities_those_of_the_system_alone_count() {
    let authority = Authority::new("ours");
    for (encryption, speaks) in WAYS {
        let (port, mut received) = server("250 fine", speaks(authority.certify("127.0.0.1"))).await;
        let error = invite(&over_tls(port, encryption, None), TO, "Acme").await.unwrap_err();
        assert!(matches!(error, MailError::Untrusted(_)), "{error:?}");
        gave_nothing_away(&mut received).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_begin_with_tls_gets_nothing() {
    for speaks in [Speaks::Plain, Speaks::StartTlsInVain] {
        let refuses = matches!(speaks, Speaks::StartTlsInVain);
        let (port, mut received) = server("250 fine", speaks).await;
        let mailer = over_tls(port, Encryption::StartTls, None);
        let error = invite(&mailer, TO, "Acme").await.unwrap_err();
        match error {
            MailError::Refused { status: 454 } => assert!(refuses),
            MailError::Unusable => assert!(!refuses),
            other => panic!("{other:?}"),
        }
        gave_nothing_away(&mut received).await;
    }
    // It greets, which is no TLS.
    let (port, mut received) = server("250 fine", Speaks::Plain).await;
    let mailer = over_tls(port, Encryption::Tls, None);
    let error = invite(&mailer, TO, "Acme").await.unwrap_err();
    assert!(matches!(error, MailError::Unreachable(_)), "{error:?}");
    let said = received.recv().await.unwrap().join("\n");
    assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{said}");
}
