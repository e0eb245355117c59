//! What the mails say.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::{InvitationMail, ResetMail};
use crate::email::is_unseen;

/// A mail without its envelope.
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) body: String,
}

/// How much of a name others chose gets into a mail.
const LONGEST_NAME: usize = 100;

pub(super) fn invitation(mail: &InvitationMail<'_>) -> Text {
    let organization = line(mail.organization);
    let who = mail.inviter.map(line).filter(|name| !name.is_empty());
    let invites = match who {
        Some(name) => format!("{name} invites you to join {organization}."),
        None => format!("You are invited to join {organization}."),
    };
    Text {
        subject: format!("Invitation to {organization}"),
        body: format!(
            "{invites}\n\nTo accept, open this link until {}:\n\n{}\n\n\
             The link is for you alone and can be used once. If you expected no invitation, ignore this mail.\n",
            time(mail.expires_at),
            mail.link.expose_secret(),
        ),
    }
}

pub(super) fn reset(mail: &ResetMail<'_>) -> Text {
    Text {
        subject: "Set a new password".to_owned(),
        body: format!(
            "Somebody, you we hope, asked for a new password for your account.\n\n\
             To set it, open this link until {}:\n\n{}\n\n\
             The link is for you alone and can be used once. You will be signed out everywhere. \
             If you did not ask for it, ignore this mail: your password stays as it is.\n",
            time(mail.expires_at),
            mail.link.expose_secret(),
        ),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A name others chose, as part of a line.
fn line(name: &str) -> String {
    let name: String = name.chars().filter(|c| !is_unseen(*c)).take(LONGEST_NAME).collect();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail<'a>(
        organization: &'a str,
        inviter: Option<&'a str>,
        link: &'a secrecy::SecretString,
    ) -> InvitationMail<'a> {
        let expires_at = "2026-11-30T08:05:59Z".parse().unwrap();
        InvitationMail { to: "ada@example.com", organization, inviter, link, expires_at }
    }

    #[test]
    fn an_invitation_says_who_where_and_until_when() {
        let link = "https://flags.example.com/invitations#ff_inv_x".into();
        let text = invitation(&mail("Acme", Some("Olive"), &link));
        assert_eq!(text.subject, "Invitation to Acme");
        assert!(text.body.starts_with("Olive invites you to join Acme.\n\n"));
        assert!(text.body.contains(
            "until 2026-11-30 08:05 UTC:\n\nhttps://flags.example.com/invitations#ff_inv_x\n"
        ));
        let text = invitation(&mail("Acme", None, &link));
        assert!(text.body.starts_with("You are invited to join Acme.\n\n"));
    }

    #[test]
    fn a_name_adds_no_line() {
        let link = "https://x".into();
        let text = invitation(&mail("\u{202e}A\r\nBcc: b@c", Some("\n\n"), &link));
        assert_eq!(text.subject, "Invitation to ABcc: b@c");
        assert!(text.body.starts_with("You are invited to join ABcc: b@c.\n\n"));
        let long = "x".repeat(500);
        assert_eq!(
            invitation(&mail(&long, None, &link)).subject.len(),
            "Invitation to ".len() + 100
        );
    }
}
