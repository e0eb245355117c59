//! From what a provider says about somebody to who that is in an organization.

use openidconnect::{IdTokenClaims, StandardClaims, UserInfoClaims, core::CoreGenderClaim};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{connection::Connection, provider::MoreClaims};
use crate::{email::is_unseen, redacted::shown};

const MOST_NAME: usize = 200;
const MOST_EMAIL: usize = 254;

/// Somebody an organization's provider has vouched for.
#[derive(Clone, PartialEq)]
pub struct External {
    /// The connection they came through.
    pub connection: Uuid,
    /// The organization whose it is. A session for them is for this organization alone.
    pub organization: Uuid,
    /// The provider.
    pub issuer: String,
    /// Who they are to the provider, for ever.
    pub subject: String,
    /// Their e-mail, if the provider has verified it and may vouch for its domain.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their groups, as the provider writes them.
    pub groups: Vec<String>,
    /// The roles of their groups in the order of the connection, each once; its default roles when no group is
    /// listed.
    pub roles: Vec<Value>,
    /// The path on this site where they were going.
    pub return_to: String,
}

shown!(External: connection, organization, issuer);

/// What is said of somebody, in the ID token or in the answer of the userinfo endpoint.
#[derive(Default)]
pub(super) struct Said {
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    more: Map<String, Value>,
}

/// Their groups are not in the token but somewhere else.
#[derive(Debug)]
pub(super) struct GroupsElsewhere;

impl From<&IdTokenClaims<MoreClaims, CoreGenderClaim>> for Said {
    fn from(claims: &IdTokenClaims<MoreClaims, CoreGenderClaim>) -> Self {
        Self {
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified(),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            more: claims.additional_claims().0.clone(),
        }
    }
}

impl From<&UserInfoClaims<MoreClaims, CoreGenderClaim>> for Said {
    fn from(claims: &UserInfoClaims<MoreClaims, CoreGenderClaim>) -> Self {
        let standard: &StandardClaims<_> = claims.standard_claims();
        Self {
            email: standard.email().map(|email| email.to_string()),
            email_verified: standard.email_verified(),
            name: standard.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            more: claims.additional_claims().0.clone(),
        }
    }
}

impl Said {
    /// Whether the userinfo endpoint may have more of what is needed.
    pub(super) fn is_thin(&self, connection: &Connection) -> bool {
        let groups = connection.groups_claim.as_ref();
        self.email.is_none()
            || self.email_verified.is_none()
            || self.name.is_none()
            || groups.is_some_and(|claim| !self.more.contains_key(claim))
    }

    /// With what only `other` says. An e-mail and whether it is verified go together.
    pub(super) fn or(mut self, other: Self) -> Self {
        if self.email.is_none() || self.email_verified.is_none() {
            (self.email, self.email_verified) = (other.email, other.email_verified);
        }
        self.name = self.name.or(other.name);
        for (claim, value) in other.more {
            self.more.entry(claim).or_insert(value);
        }
        self
    }

    /// Who this is in the organization of `connection`.
    pub(super) fn external(
        self,
        subject: String,
        connection: &Connection,
        return_to: String,
    ) -> Result<External, GroupsElsewhere> {
        let groups = self.groups(connection.groups_claim.as_deref())?;
        let verified = self.email_verified == Some(true);
        let email = self.email.filter(|email| verified && may_vouch(connection, email));
        let name = self.name.map(|name| tidy_name(&name)).filter(|name| !name.is_empty());
        Ok(External {
            connection: connection.id,
            organization: connection.organization,
            issuer: connection.issuer.clone(),
            subject,
            email,
            name,
            roles: roles(connection, &groups),
            groups,
            return_to,
        })
    }

    fn groups(&self, claim: Option<&str>) -> Result<Vec<String>, GroupsElsewhere> {
        let Some(claim) = claim else { return Ok(Vec::new()) };
        let texts =
            |values: &[Value]| values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        match self.more.get(claim) {
            Some(Value::Array(groups)) => Ok(texts(groups)),
            Some(group @ Value::String(_)) => Ok(texts(std::slice::from_ref(group))),
            // Somebody with many groups gets a pointer instead of them; the default roles would be the wrong ones.
            _ if self.more.get("_claim_names").is_some_and(|names| names.get(claim).is_some()) => {
                Err(GroupsElsewhere)
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn may_vouch(connection: &Connection, email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    !local.is_empty()
        && !domain.is_empty()
        && !local.contains(odd)
        && !domain.contains(odd)
        && email.len() <= MOST_EMAIL
        && (connection.email_domains.is_empty()
            || connection.email_domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain)))
}

fn tidy_name(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !is_unseen(*c)).take(MOST_NAME).collect();
    shown.trim().to_owned()
}

fn roles(connection: &Connection, groups: &[String]) -> Vec<Value> {
    let of_groups = connection.group_roles.iter().filter(|entry| groups.contains(&entry.group));
    let mut listed = of_groups.map(|entry| &entry.roles).peekable();
    let lists: Vec<&Value> = match listed.peek() {
        Some(_) => listed.collect(),
        None => vec![&connection.default_roles],
    };
    let mut roles: Vec<Value> = Vec::new();
    for role in lists.into_iter().filter_map(Value::as_array).flatten() {
        if !roles.contains(role) {
            roles.push(role.clone());
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::oidc::GroupRoles;

    fn connection() -> Connection {
        let entry = |group: &str, roles| GroupRoles { group: group.to_owned(), roles };
        Connection {
            id: Uuid::from_u128(1),
            organization: Uuid::from_u128(2),
            name: "Example".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            client_id: "ff".to_owned(),
            groups_claim: Some("groups".to_owned()),
            group_roles: vec![
                entry("ops", json!(["admin", "editor"])),
                entry("dev", json!(["editor", "viewer"])),
            ],
            default_roles: json!(["viewer"]),
            email_domains: vec!["example.com".to_owned()],
            require_email: false,
            enabled: true,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn said(groups: Value) -> Said {
        Said { more: Map::from_iter([("groups".to_owned(), groups)]), ..Said::default() }
    }

    fn external(said: Said) -> Result<External, GroupsElsewhere> {
        said.external("s".to_owned(), &connection(), "/".to_owned())
    }

    #[test]
    fn roles_come_in_the_order_of_the_connection_each_once() {
        for (groups, roles) in [
            (json!(["dev", "ops", "other"]), json!(["admin", "editor", "viewer"])),
            (json!("dev"), json!(["editor", "viewer"])),
            (json!(["other", 7, null]), json!(["viewer"])),
            (json!({ "dev": true }), json!(["viewer"])),
            (json!([]), json!(["viewer"])),
        ] {
            assert_eq!(json!(external(said(groups.clone())).unwrap().roles), roles, "{groups}");
        }
    }

    #[test]
    fn groups_that_are_elsewhere_are_not_none() {
        let mut overage = said(Value::Null);
        overage.more.insert("_claim_names".to_owned(), json!({ "groups": "src1" }));
        assert!(external(overage).is_err());
    }

    #[test]
    fn a_name_is_without_what_is_not_seen() {
        let name = Some(" Ada\r\n \u{202e}Lovelace\0 ".to_owned());
        let said = Said { name, ..said(Value::Null) };
        assert_eq!(external(said).unwrap().name.as_deref(), Some("Ada Lovelace"));
    }

    #[test]
    fn an_e_mail_counts_when_verified_and_of_a_domain() {
        for (email, verified, counts) in [
            ("ada@example.com", Some(true), true),
            ("Ada@EXAMPLE.com", Some(true), true),
            ("ada@example.com", Some(false), false),
            ("ada@example.com", None, false),
            ("ada@sub.example.com", Some(true), false),
            ("ada@example.com.evil.test", Some(true), false),
            ("ada@evil.test@example.com", Some(true), false),
            ("@example.com", Some(true), false),
            ("example.com", Some(true), false),
            ("a\0@example.com", Some(true), false),
        ] {
            let said = Said {
                email: Some(email.to_owned()),
                email_verified: verified,
                ..said(Value::Null)
            };
            assert_eq!(external(said).unwrap().email.is_some(), counts, "{email} {verified:?}");
        }
    }

    #[test]
    fn an_e_mail_is_not_verified_by_what_is_said_of_another() {
        let mine = Said { email: Some("ada@example.com".to_owned()), ..Said::default() };
        let other = Said {
            email: Some("eve@example.com".to_owned()),
            email_verified: Some(true),
            ..Said::default()
        };
        let both = external(mine.or(other)).unwrap();
        assert_eq!(both.email.as_deref(), Some("eve@example.com"));
    }
}
