//! Mail, handed in at an SMTP server of the test.

mod server;
mod tls;

use std::error::Error as _;
use std::time::Duration;

use ff_identity::MailError;
use ff_identity::mail::{Encryption, InvitationMail, MailServer, Mailer, ResetMail};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::net::TcpListener;

use server::{Speaks, server};

const TO: &str = "ada@example.com";
const LINK: &str =
    "https://flags.example.com/invitations#ff_inv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn options(port: u16) -> MailServer {
    MailServer {
        host: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::None,
        login: Some(("flags".to_owned(), "s3cret".into())),
        from: "Flags <flags@example.org>".to_owned(),
        timeout: Duration::from_secs(30),
        authorities: None,
    }
}

fn time() -> Timestamp {
    "2026-11-30T08:00:00Z".parse().unwrap()
}

async fn invite(mailer: &Mailer, to: &str, organization: &str) -> Result<(), MailError> {
    let link = SecretString::from(LINK);
    let inviter = Some("Olive Öwner");
    mailer
        .invitation(InvitationMail { to, organization, inviter, link: &link, expires_at: time() })
        .await
}

/// The body as it was before it became quoted-printable.
fn decoded(said: &[String]) -> String {
    let start = said.iter().position(String::is_empty).unwrap();
    let end = said.iter().rposition(|line| line == ".").unwrap();
    let body = said[start + 1..end].join("\n").replace("=\n", "").replace("=3D", "=");
    body.replace("=C3=96", "Ö")
}

#[tokio::test]
async fn an_invitation_arrives_with_its_link() {
    let (port, mut received) = server("250 fine", Speaks::Plain).await;
    let mailer = Mailer::smtp(&options(port)).unwrap();
    assert!(mailer.is_configured());
    invite(&mailer, TO, "Acme\r\nBcc: eve@example.com").await.unwrap();
    let said = received.recv().await.unwrap();
    assert_eq!(said[0], "EHLO example.org");
    assert!(said[1].starts_with("AUTH PLAIN "), "{}", said[1]);
    assert!(said[2].starts_with("MAIL FROM:<flags@example.org>"));
    assert_eq!(said.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
    assert!(said.contains(&format!("RCPT TO:<{TO}>")));
    for header in
        ["From: Flags <flags@example.org>", "To: ada@example.com", "Auto-Submitted: auto-generated"]
    {
        assert!(said.iter().any(|line| line == header), "{header} in {said:?}");
    }
    assert!(!said.iter().any(|line| line.starts_with("Bcc")));
    let body = decoded(&said);
    assert!(body.contains("Olive Öwner invites you to join AcmeBcc"), "{body}");
    assert!(body.contains(&format!("\n{LINK}\n")), "{body}");
}

#[tokio::test]
async fn a_way_to_a_new_password_arrives() {
    let (port, mut received) = server("250 fine", Speaks::Plain).await;
    let mailer = Mailer::smtp(&options(port)).unwrap();
    let link = "https://flags.example.com/reset#ff_rst_x".into();
    mailer.reset(ResetMail { to: TO, link: &link, expires_at: time() }).await.unwrap();
    let said = received.recv().await.unwrap();
    assert!(said.contains(&"Subject: Set a new password".to_owned()));
    assert!(decoded(&said).contains("\nhttps://flags.example.com/reset#ff_rst_x\n"));
}

#[tokio::test]
async fn a_refusal_does_not_say_whom() {
    let (port, _received) = server("550 5.1.1 <ada@example.com>: nobody here", Speaks::Plain).await;
    let error = invite(&Mailer::smtp(&options(port)).unwrap(), TO, "Acme").await.unwrap_err();
    assert!(matches!(error, MailError::Refused { status: 550 }), "{error:?}");
    assert!(error.source().is_none());
    assert!(!format!("{error} {error:?}").contains("ada"));
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    assert!(matches!(invite(&Mailer::none(), TO, "Acme").await, Err(MailError::NoServer)));
    let mailer = Mailer::smtp(&options(ff_testkit::ports::free_port())).unwrap();
    let error = invite(&mailer, TO, "Acme").await.unwrap_err();
    assert!(matches!(error, MailError::Unreachable(_)), "{error:?}");
    for nobody in ["", "ada", "a@b\r\nRCPT TO:<c@d>"] {
        let error = invite(&mailer, nobody, "Acme").await.unwrap_err();
        assert!(matches!(error, MailError::BadAddress), "{error:?}");
    }
    let server = MailServer { from: "nobody".to_owned(), ..options(1) };
    assert!(matches!(Mailer::smtp(&server), Err(MailError::BadSender)));
    let server = MailServer {
        encryption: Encryption::Tls,
        authorities: Some(
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----".to_owned(),
        ),
        ..options(1)
    };
    assert!(matches!(Mailer::smtp(&server), Err(MailError::BadCertificates(_))));
    assert!(!format!("{server:?} {mailer:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = MailServer { timeout: Duration::from_millis(200), ..options(port) };
    let error = invite(&Mailer::smtp(&server).unwrap(), TO, "Acme").await.unwrap_err();
    assert!(matches!(error, MailError::TimedOut { .. } | MailError::Unreachable(_)), "{error:?}");
}
