//! Roles: four that every organization has, and those it makes itself.
//!
//! What a built-in role holds follows from the table of permissions alone: each permission names the
//! least role that holds it, and a greater role holds all that a lesser one does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::permission::Permission;
use crate::principal::TokenRole;

/// A role that every organization has, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltInRole {
    /// Reads everything but the list of keys.
    Viewer,
    /// Also changes flags, segments, experiments and metrics.
    Editor,
    /// Also has a hand in projects, environments, keys and members.
    Admin,
    /// Everything, the end of the organization and the making of other owners included.
    Owner,
}

/// The key of a role that an organization has made: as any key, but no built-in role's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleKey(String);

/// A role, of either kind. In text it is `viewer`, `editor`, `admin`, `owner`, or the role's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RoleName {
    /// One that every organization has.
    BuiltIn(BuiltInRole),
    /// One of the organization's own.
    Custom(RoleKey),
}

/// The text is no key that a role may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoleKey {
    /// It is no key.
    #[error(
        "a role's key is 1 to {longest} letters, digits, dots, underscores and hyphens and starts \
         with a letter or digit: `{found}` is not",
        longest = RoleKey::LONGEST
    )]
    Malformed {
        /// What was given.
        found: String,
    },
    /// Every organization has a role of that name.
    #[error("`{found}` is a role that every organization has: choose another key")]
    BuiltIn {
        /// What was given.
        found: String,
    },
}

impl BuiltInRole {
    /// All of them, least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Owner];

    /// Its name in policies and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether it holds a permission.
    #[must_use]
    pub fn holds(self, permission: Permission) -> bool {
        permission.least_role() <= self
    }

    /// All that it holds.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |&permission| self.holds(permission))
    }
}

/// A token may hold the lower three roles. None makes it an owner.
impl From<TokenRole> for BuiltInRole {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Viewer => Self::Viewer,
            TokenRole::Editor => Self::Editor,
            TokenRole::Admin => Self::Admin,
        }
    }
}

impl RoleKey {
    const LONGEST: usize = 128;

    /// Reads a key.
    ///
    /// # Errors
    /// [`BadRoleKey`] when it is none, or taken by a built-in role, however it is capitalised.
    pub fn parse(text: &str) -> Result<Self, BadRoleKey> {
        let is_key = text.len() <= Self::LONGEST
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_key {
            return Err(BadRoleKey::Malformed { found: text.to_owned() });
        }
        if BuiltInRole::ALL.iter().any(|role| text.eq_ignore_ascii_case(role.as_str())) {
            return Err(BadRoleKey::BuiltIn { found: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoleName {
    /// The role that a text names. A text that can be no role's is the name of one that no organization has, and which
    /// nobody gains anything by.
    #[must_use]
    pub fn named(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self::Custom(RoleKey(String::new())))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.as_str(),
            Self::Custom(key) => key.as_str(),
        }
    }
}

impl From<BuiltInRole> for RoleName {
    fn from(role: BuiltInRole) -> Self {
        Self::BuiltIn(role)
    }
}

impl From<RoleKey> for RoleName {
    fn from(key: RoleKey) -> Self {
        Self::Custom(key)
    }
}

impl FromStr for RoleName {
    type Err = BadRoleKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match BuiltInRole::ALL.into_iter().find(|role| role.as_str() == text) {
            Some(role) => Ok(Self::BuiltIn(role)),
            None => RoleKey::parse(text).map(Self::Custom),
        }
    }
}

impl TryFrom<String> for RoleName {
    type Error = BadRoleKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for RoleKey {
    type Error = BadRoleKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RoleName> for String {
    fn from(role: RoleName) -> Self {
        role.as_str().to_owned()
    }
}

impl From<RoleKey> for String {
    fn from(key: RoleKey) -> Self {
        key.0
    }
}

impl fmt::Display for BuiltInRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_more_than_the_one_below_it() {
        for pair in BuiltInRole::ALL.windows(2) {
            let (lesser, greater) = (pair[0], pair[1]);
            assert!(lesser.permissions().all(|permission| greater.holds(permission)));
            assert!(lesser.permissions().count() < greater.permissions().count(), "{greater}");
        }
        assert_eq!(BuiltInRole::Owner.permissions().count(), Permission::ALL.len());
    }

    #[test]
    fn a_name_reads_back_and_cannot_be_taken_twice() {
        for role in BuiltInRole::ALL {
            let name = RoleName::from(role);
            assert_eq!(role.as_str().parse(), Ok(name.clone()));
            assert_eq!(serde_json::to_value(&name).unwrap(), role.as_str());
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            for taken in [role.as_str().to_owned(), role.as_str().to_uppercase()] {
                assert_eq!(RoleKey::parse(&taken), Err(BadRoleKey::BuiltIn { found: taken }));
            }
        }
        let custom: RoleName = "release-manager".parse().unwrap();
        assert_eq!(custom, RoleName::Custom(RoleKey::parse("release-manager").unwrap()));
        assert_eq!(serde_json::from_str::<RoleName>("\"release-manager\"").unwrap(), custom);
    }

    #[test]
    fn what_is_no_key_is_no_role() {
        let long = "x".repeat(RoleKey::LONGEST + 1);
        for found in ["", "-a", ".a", "a b", "role:a", "a,b", "é", &long] {
            let found = found.to_owned();
            assert_eq!(RoleKey::parse(&found), Err(BadRoleKey::Malformed { found }));
        }
        assert!(RoleKey::parse(&long[1..]).is_ok());
        assert!(serde_json::from_str::<RoleName>("\"a b\"").is_err());
    }

    #[test]
    fn what_names_no_role_is_none_that_can_be_made() {
        assert_eq!(RoleName::named("owner"), RoleName::BuiltIn(BuiltInRole::Owner));
        assert_eq!(RoleName::named("releaser").as_str(), "releaser");
        for text in ["", "a b", "Owner", "OWNER", "role:owner", "owner ", "owner\n"] {
            let name = RoleName::named(text);
            assert!(matches!(&name, RoleName::Custom(key) if key.as_str().is_empty()), "{text}");
            assert!(RoleKey::parse(name.as_str()).is_err());
        }
    }
}
