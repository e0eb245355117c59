//! What an organization says about its identity provider.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::redacted::shown;

const MOST_ENTRIES: usize = 1000;
const MOST_TEXT: usize = 512;

/// The way of an organization's people in. The client secret is not part of it: it can be written, never read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization: Uuid,
    /// What people see on the button.
    pub name: String,
    /// The provider, exactly as it writes itself in its tokens.
    pub issuer: String,
    /// Who this platform is to the provider.
    pub client_id: String,
    /// The claim with somebody's groups, a list of texts or one text.
    pub groups_claim: Option<String>,
    /// What members of a group get, in the order of their weight.
    pub group_roles: Vec<GroupRoles>,
    /// What those get none of whose groups is listed.
    pub default_roles: Value,
    /// Domains whose e-mails the provider may vouch for. Empty for all.
    pub email_domains: Vec<String>,
    /// Nobody comes in without an e-mail that the provider has verified and that is of one of the domains. Needed for
    /// providers that anybody can have an account at.
    pub require_email: bool,
    /// Whether anybody can come in this way.
    pub enabled: bool,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What members of a group get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRoles {
    /// The group, as the provider writes it.
    pub group: String,
    /// A list of roles, whose meaning is that of whoever grants them.
    pub roles: Value,
}

/// A connection as somebody wants it to be.
#[derive(Clone)]
pub struct ConnectionDraft {
    /// See [`Connection::name`].
    pub name: String,
    /// See [`Connection::issuer`].
    pub issuer: String,
    /// See [`Connection::client_id`].
    pub client_id: String,
    /// Needed for a new connection, and for one that gets another issuer or client: a secret is sent to nobody it
    /// was not entered for. Otherwise the one it has stays.
    pub client_secret: Option<SecretString>,
    /// See [`Connection::groups_claim`].
    pub groups_claim: Option<String>,
    /// See [`Connection::group_roles`].
    pub group_roles: Vec<GroupRoles>,
    /// See [`Connection::default_roles`].
    pub default_roles: Value,
    /// See [`Connection::email_domains`].
    pub email_domains: Vec<String>,
    /// See [`Connection::require_email`].
    pub require_email: bool,
    /// See [`Connection::enabled`].
    pub enabled: bool,
}

/// The draft cannot be a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConnection {
    /// A text is missing, too long, or has control characters.
    #[error("`{field}` must have 1 to {MOST_TEXT} characters, none of them a control character")]
    Text {
        /// Which.
        field: &'static str,
    },
    /// Roles are not a list.
    #[error("`{field}` must be a list")]
    NotAList {
        /// Which.
        field: &'static str,
    },
    /// PostgreSQL cannot store it.
    #[error("`{field}` may not hold the character NUL: leave it out")]
    Nul {
        /// Which.
        field: &'static str,
    },
    /// Too many.
    #[error("`{field}` must have at most {MOST_ENTRIES} entries")]
    TooMany {
        /// Which.
        field: &'static str,
    },
    /// Not a domain.
    #[error(
        "`email_domains` must hold domains such as `example.com`, in ASCII (`xn--…`), without `@`"
    )]
    Domain,
}

impl ConnectionDraft {
    /// Trims and checks everything that can be checked without asking the provider.
    pub(super) fn tidied(mut self) -> Result<Self, BadConnection> {
        for text in [&mut self.name, &mut self.issuer, &mut self.client_id] {
            *text = text.trim().to_owned();
        }
        self.groups_claim = self.groups_claim.filter(|claim| !claim.trim().is_empty());
        for domain in &mut self.email_domains {
            *domain = domain.trim().to_ascii_lowercase();
        }
        let groups = self.group_roles.iter().map(|entry| ("group_roles", &entry.group));
        let texts =
            [("name", &self.name), ("issuer", &self.issuer), ("client_id", &self.client_id)];
        let claim = self.groups_claim.iter().map(|claim| ("groups_claim", claim));
        for (field, text) in texts.into_iter().chain(claim).chain(groups) {
            if text.is_empty()
                || text.chars().count() > MOST_TEXT
                || text.contains(char::is_control)
            {
                return Err(BadConnection::Text { field });
            }
        }
        for (field, length) in
            [("group_roles", self.group_roles.len()), ("email_domains", self.email_domains.len())]
        {
            if length > MOST_ENTRIES {
                return Err(BadConnection::TooMany { field });
            }
        }
        let roles = self.group_roles.iter().map(|entry| ("group_roles", &entry.roles));
        for (field, roles) in roles.chain([("default_roles", &self.default_roles)]) {
            // As it is written in JSON; a backslash before it is itself written as two.
            if roles.to_string().replace(r"\\", "").contains(r"\u0000") {
                return Err(BadConnection::Nul { field });
            }
        }
        if !self.default_roles.is_array() {
            return Err(BadConnection::NotAList { field: "default_roles" });
        }
        if !self.group_roles.iter().all(|entry| entry.roles.is_array()) {
            return Err(BadConnection::NotAList { field: "group_roles" });
        }
        if !self.email_domains.iter().all(|domain| is_domain(domain)) {
            return Err(BadConnection::Domain);
        }
        Ok(self)
    }
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

shown!(ConnectionDraft: issuer, client_id);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft() -> ConnectionDraft {
        ConnectionDraft {
            name: " Example ".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            client_id: "ff".to_owned(),
            client_secret: None,
            groups_claim: Some(" ".to_owned()),
            group_roles: vec![GroupRoles { group: "dev".to_owned(), roles: json!(["editor"]) }],
            default_roles: json!([]),
            email_domains: vec![" Example.COM ".to_owned()],
            require_email: false,
            enabled: true,
        }
    }

    #[test]
    fn a_draft_is_tidied() {
        let tidied = draft().tidied().unwrap();
        assert_eq!(tidied.name, "Example");
        assert_eq!(tidied.groups_claim, None);
        assert_eq!(tidied.email_domains, ["example.com"]);
    }

    #[test]
    fn each_field_is_checked() {
        type Spoil = fn(&mut ConnectionDraft);
        let spoilt: [(Spoil, BadConnection); 8] = [
            (|d| d.name.clear(), BadConnection::Text { field: "name" }),
            (|d| d.client_id.push('\0'), BadConnection::Text { field: "client_id" }),
            (|d| d.group_roles[0].group.clear(), BadConnection::Text { field: "group_roles" }),
            (|d| d.default_roles = json!("x"), BadConnection::NotAList { field: "default_roles" }),
            (
                |d| d.group_roles[0].roles = json!({}),
                BadConnection::NotAList { field: "group_roles" },
            ),
            (|d| d.default_roles = json!(["\0"]), BadConnection::Nul { field: "default_roles" }),
            (|d| d.email_domains = vec!["a@b.c".to_owned()], BadConnection::Domain),
            (
                |d| d.email_domains = vec!["a.b".to_owned(); MOST_ENTRIES + 1],
                BadConnection::TooMany { field: "email_domains" },
            ),
        ];
        for (spoil, expected) in spoilt {
            let mut draft = draft();
            spoil(&mut draft);
            assert_eq!(draft.tidied().unwrap_err(), expected);
        }
    }
}
