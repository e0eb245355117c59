//! A mail server of a test's own.

use std::time::Duration;

use ff_identity::Mailer;
use ff_identity::mail::{Encryption, MailServer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Takes mails, or answers each recipient with something else.
pub(crate) struct Mailbox {
    port: u16,
    mails: Mutex<UnboundedReceiver<Vec<String>>>,
}

/// A mail.
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Mailbox {
    /// One that takes everything.
    pub(crate) async fn open() -> Self {
        Self::answering("250 fine").await
    }

    /// One that says this to whoever names a recipient.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(mail) = talk(stream, answer).await
                    && sender.send(mail).is_err()
                {
                    return;
                }
            }
        });
        Self { port, mails: Mutex::new(mails) }
    }

    /// What hands mails in here.
    pub(crate) fn mailer(&self) -> Mailer {
        Mailer::smtp(&MailServer {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            encryption: Encryption::None,
            login: None,
            from: "Flags <flags@example.org>".to_owned(),
            timeout: Duration::from_secs(30),
            authorities: None,
        })
        .unwrap()
    }

    /// The next mail.
    pub(crate) async fn next(&self) -> Mail {
        let next = async { self.mails.lock().await.recv().await };
        let lines = timeout(Duration::from_secs(30), next).await.expect("a mail").unwrap();
        let to = lines.iter().find_map(|line| line.strip_prefix("RCPT TO:<")).unwrap();
        let to = to.split('>').next().unwrap().to_owned();
        // What is not ASCII is quoted, and long lines are broken.
        let text = lines.join("\n").replace("=\n", "").replace("=3D", "=");
        Mail { to, text }
    }

    /// How many mails have come that nobody has looked at.
    pub(crate) async fn len(&self) -> usize {
        self.mails.lock().await.len()
    }
}

impl Mail {
    /// What stands behind the `#` of the link in it.
    pub(crate) fn token(&self) -> String {
        let link = self.text.lines().find(|line| line.contains('#')).unwrap();
        link.split('#').nth(1).unwrap().trim().to_owned()
    }
}

/// One conversation; the mail, if one was handed in.
async fn talk(stream: TcpStream, to: &str) -> Option<Vec<String>> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let (mut said, mut content, mut taken) = (Vec::new(), false, false);
    write.write_all(b"220 test ESMTP\r\n").await.ok()?;
    while let Ok(Some(line)) = lines.next_line().await {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match verb.as_str() {
            _ if content && line == "." => {
                (content, taken) = (false, true);
                "250 taken"
            }
            _ if content => "",
            "EHLO" => "250-test\r\n250 8BITMIME",
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
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }
    taken.then_some(said)
}
