//! Mail: invitations, and links for those who forgot their password. Plain text, through an SMTP server or not at all.
//!
//! Architecture Invariant: no error says to whom. What a server answers usually quotes the address, so of a refusal
//! there is the status alone.

mod text;

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use text::Text;

/// Sends mail; cheap to clone.
#[derive(Clone, Default)]
pub struct Mailer(Option<Smtp>);

#[derive(Clone)]
struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

/// Where mail is handed in. Printed without the login.
#[derive(Clone)]
pub struct MailServer {
    /// Its name, which its certificate has.
    pub host: String,
    /// Its port: 465 for [`Encryption::Tls`], 587 for [`Encryption::StartTls`], as a rule.
    pub port: u16,
    /// How the connection is kept from others.
    pub encryption: Encryption,
    /// Name and password there.
    pub login: Option<(String, SecretString)>,
    /// Who the mails are from, such as `Flags <flags@example.com>`.
    pub from: String,
    /// How long handing in one mail may take.
    pub timeout: Duration,
    /// Certificate authorities (PEM, one after the other) to trust beside those of the system.
    pub authorities: Option<String>,
}

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// TLS before anything is said; without it, nothing is sent.
    StartTls,
    /// None: the mails, which hold secrets, and the login can be read on the way. For a server on the same machine.
    None,
}

/// An invitation to be mailed.
#[derive(Clone, Copy)]
pub struct InvitationMail<'a> {
    /// Who gets it.
    pub to: &'a str,
    /// What the organization is called.
    pub organization: &'a str,
    /// What who invites is called.
    pub inviter: Option<&'a str>,
    /// Where the invitation can be accepted, token included.
    pub link: &'a SecretString,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A way to a new password to be mailed.
#[derive(Clone, Copy)]
pub struct ResetMail<'a> {
    /// Who gets it.
    pub to: &'a str,
    /// Where the new password can be set, token included.
    pub link: &'a SecretString,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The mail was not handed in, or no mail can be.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There is no mail server.
    #[error("no mail server is configured: pass the link on in another way")]
    NoServer,
    /// What the mails are to be from is no mailbox.
    #[error("the sender of mails must look like `Flags <flags@example.com>`")]
    BadSender,
    /// The certificate authority, or those of the system, cannot be used.
    #[error("the certificates to check the mail server with cannot be used")]
    BadCertificates(#[source] SmtpError),
    /// The e-mail cannot be written to.
    #[error("mail cannot be sent to this e-mail: use another")]
    BadAddress,
    /// The server did not take it.
    #[error("the mail server refused the mail with {status}: look for the cause in its log")]
    Refused {
        /// What it answered: 4xx is worth another try.
        status: u16,
    },
    /// Its certificate is not one to send secrets to.
    #[error(
        "the certificate of the mail server is not accepted: check its name, its time and who issued it"
    )]
    Untrusted(#[source] SmtpError),
    /// The server cannot be reached, or not safely.
    #[error("the mail server cannot be reached: check its address, port and encryption")]
    Unreachable(#[source] SmtpError),
    /// What it answers is not SMTP, or lacks what is needed.
    #[error("the mail server does not do what is needed: check its address, port and encryption")]
    Unusable,
    /// It took too long.
    #[error("the mail server took longer than {} s", .after.as_secs())]
    TimedOut {
        /// How long it was given.
        after: Duration,
    },
}

impl Mailer {
    /// Sends nothing: every mail is [`MailError::NoServer`].
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Hands mails in at this server, over a connection for each. Whether it is there shows with the first.
    ///
    /// # Errors
    /// [`MailError::BadSender`] and [`MailError::BadCertificates`].
    pub fn smtp(server: &MailServer) -> Result<Self, MailError> {
        let from: Mailbox = server.from.parse().map_err(|_| MailError::BadSender)?;
        let tls = || {
            let mut tls = TlsParameters::builder(server.host.clone());
            if let Some(pem) = &server.authorities {
                let certificate = Certificate::from_pem(pem.as_bytes());
                tls = tls.add_root_certificate(certificate.map_err(MailError::BadCertificates)?);
            }
            tls.build_rustls().map_err(MailError::BadCertificates)
        };
        let tls = match server.encryption {
            Encryption::Tls => Tls::Wrapper(tls()?),
            Encryption::StartTls => Tls::Required(tls()?),
            Encryption::None => Tls::None,
        };
        let domain = from.email.domain().to_owned();
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(server.timeout))
            .hello_name(ClientId::Domain(domain));
        if let Some((name, password)) = &server.login {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(name.clone(), password));
        }
        Ok(Self(Some(Smtp { transport: transport.build(), from, timeout: server.timeout })))
    }

    /// Whether there is a server.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// Sends an invitation.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn invitation(&self, mail: InvitationMail<'_>) -> Result<(), MailError> {
        self.send(mail.to, text::invitation(&mail)).await
    }

    /// Sends a way to a new password.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn reset(&self, mail: ResetMail<'_>) -> Result<(), MailError> {
        self.send(mail.to, text::reset(&mail)).await
    }

    async fn send(&self, to: &str, text: Text) -> Result<(), MailError> {
        let smtp = self.0.as_ref().ok_or(MailError::NoServer)?;
        let to = to.trim().parse().map_err(|_| MailError::BadAddress)?;
        let id = format!("<{}@{}>", Uuid::new_v4(), smtp.from.email.domain());
        // So that nobody's absence note answers.
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let message = Message::builder()
            .from(smtp.from.clone())
            .to(Mailbox::new(None, to))
            .message_id(Some(id))
            .raw_header(automatic)
            .subject(text.subject)
            .body(text.body)
            .map_err(|_| MailError::BadAddress)?;
        let sent = tokio::time::timeout(smtp.timeout, smtp.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(why(error)),
            Err(_) => Err(MailError::TimedOut { after: smtp.timeout }),
        }
    }
}

/// The error without what the server said.
fn why(error: SmtpError) -> MailError {
    match error.status() {
        Some(status) => MailError::Refused { status: status.into() },
        None if error.is_response() || error.is_client() => MailError::Unusable,
        None if is_about_certificate(&error) => MailError::Untrusted(error),
        None => MailError::Unreachable(error),
    }
}

/// Whether it is the certificate that is refused, rather than the connection that broke.
fn is_about_certificate(error: &SmtpError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // What is inside an I/O error is not its source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let tls = error.downcast_ref::<rustls::Error>().or(inner);
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_configured() { "Mailer(smtp)" } else { "Mailer(none)" })
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .field("from", &self.from)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InvitationMail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationMail")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ResetMail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetMail").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
