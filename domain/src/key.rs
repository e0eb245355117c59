//! Keys: the names that stand in URLs, code and rules. Case-sensitive, and fixed for the life of what they name.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is nothing in it.
    #[error("a key has at least one character")]
    Empty,
    /// More than 128 characters.
    #[error("a key has at most 128 characters, this one has {0}")]
    TooLong(usize),
    /// It begins with something else than a letter or digit.
    #[error("a key begins with a letter or a digit, this one with `{0}`")]
    Start(char),
    /// A variation's key with a control character, or with space around it.
    #[error("a variation's key has no control character and no space around it")]
    Blank,
    /// It holds something else than letters, digits, dots, underscores and hyphens.
    #[error("a key has letters, digits, `.`, `_` and `-`, this one has `{0}`")]
    Character(char),
}

fn check(text: &str) -> Result<(), InvalidKey> {
    let first = text.chars().next().ok_or(InvalidKey::Empty)?;
    if !first.is_ascii_alphanumeric() {
        return Err(InvalidKey::Start(first));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c)) {
        return Err(InvalidKey::Character(odd));
    }
    // From here on every character is one byte.
    if text.len() > 128 { Err(InvalidKey::TooLong(text.len())) } else { Ok(()) }
}

/// Variations may be called `10%` or `très grand`: their keys are answers, and rarely part of a URL.
fn check_variation(text: &str) -> Result<(), InvalidKey> {
    let length = text.chars().count();
    if text.is_empty() {
        Err(InvalidKey::Empty)
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Err(InvalidKey::Blank)
    } else if length > 128 {
        Err(InvalidKey::TooLong(length))
    } else {
        Ok(())
    }
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident: $check:ident, $pattern:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = $pattern))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks a text: `", $pattern, "`.")]
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidKey> {
                let text = text.into();
                $check(&text).map(|()| Self(text))
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidKey;
            fn from_str(text: &str) -> Result<Self, InvalidKey> {
                Self::parse(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )+};
}

keys! {
    /// Names an organization, in the whole installation.
    OrganizationKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a project in its organization.
    ProjectKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names an environment in its project.
    EnvironmentKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a flag in its project.
    FlagKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a segment in its project.
    SegmentKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names an experiment in its project.
    ExperimentKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a metric in its project.
    MetricKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a layer in its project.
    LayerKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a role: one that every organization has, or one that it has made.
    RoleKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a service account in its organization.
    ServiceAccountKey: check, "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
    /// Names a variation in its flag.
    VariationKey: check_variation,
        "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]{0,126}[^\\s\\u0000-\\u001f\\u007f-\\u009f])?$";
}
