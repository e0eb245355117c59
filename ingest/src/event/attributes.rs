//! What the sender says of a user: a bounded map of texts. What is no text is kept as JSON, without white space.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::member::text;
use super::rejection::{Kind, Reason, Rejection};
use crate::private::Hasher;

/// The most attributes of an event.
const MOST: usize = 64;
/// The longest name, in bytes.
const NAME: usize = 128;
/// The longest value, in bytes.
const VALUE: usize = 2048;
/// How deep lists and objects nest in a value.
const DEPTH: usize = 8;

/// Names and values in their order.
type Values<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The attributes of an event, and which of them are private.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    values: Values<'a>,
    private: Vec<Cow<'a, str>>,
}

impl<'a> Attributes<'a> {
    pub(super) fn read(
        attributes: Option<&'a RawValue>,
        private: Option<&'a RawValue>,
    ) -> Result<Self, Rejection> {
        let mut read = Self::default();
        // Private ones first: if that cannot be read, no attribute may be kept.
        if let Some(raw) = private {
            read.private = names(raw)?;
        }
        if let Some(raw) = attributes {
            read.values = values(raw)?;
        }
        Ok(read)
    }

    /// Replaces private values by their hashes, or leaves them out if there is nothing to hash with.
    pub(crate) fn hide(&mut self, hasher: Option<&Hasher>) {
        if self.private.is_empty() {
            return;
        }
        let Self { values, private } = self;
        // A path into an attribute hides the whole of it.
        let is_private = |name: &str| {
            private.iter().any(|path| match path.strip_prefix('/') {
                None => path == name,
                Some(rest) => {
                    let first = rest.split('/').next().unwrap_or_default();
                    path == name || first.replace("~1", "/").replace("~0", "~") == name
                }
            })
        };
        values.retain_mut(|(name, value)| {
            if is_private(name) {
                let Some(hasher) = hasher else { return false };
                *value = Cow::Owned(hasher.hash(name, value));
            }
            true
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn names(raw: &RawValue) -> Result<Vec<Cow<'_, str>>, Rejection> {
    const MEMBER: &str = "private";
    let wrong = |reason| Rejection::at(MEMBER, reason);
    let found = Kind::of(raw);
    if found != Kind::List {
        return Err(wrong(Reason::Kind { wanted: Kind::List, found }));
    }
    let list: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|error| wrong(Reason::Malformed(error)))?;
    if list.len() > MOST {
        return Err(wrong(Reason::TooMany { most: MOST, found: list.len() }));
    }
    let inside = |index: usize, reason| Rejection::inside(MEMBER, &index.to_string(), reason);
    list.into_iter()
        .enumerate()
        .map(|(index, raw)| text(raw).map_err(|reason| inside(index, reason)))
        .collect()
}

fn values(raw: &RawValue) -> Result<Values<'_>, Rejection> {
    const MEMBER: &str = "attributes";
    let wrong = |reason| Rejection::at(MEMBER, reason);
    let found = Kind::of(raw);
    if found != Kind::Object {
        return Err(wrong(Reason::Kind { wanted: Kind::Object, found }));
    }
    let Entries(entries) =
        serde_json::from_str(raw.get()).map_err(|error| wrong(Reason::Malformed(error)))?;
    if entries.len() > MOST {
        return Err(wrong(Reason::TooMany { most: MOST, found: entries.len() }));
    }
    entries
        .into_iter()
        .map(|(name, raw)| {
            let wrong = |reason| Rejection::inside(MEMBER, &name, reason);
            if !(1..=NAME).contains(&name.len()) {
                return Err(wrong(Reason::Length { most: NAME, found: name.len() }));
            }
            if name.chars().any(char::is_control) {
                return Err(wrong(Reason::Control));
            }
            let value = match Kind::of(raw) {
                Kind::Text => text(raw).map_err(wrong)?,
                Kind::List | Kind::Object => Cow::Owned(compact(raw.get()).map_err(wrong)?),
                Kind::Number | Kind::Boolean | Kind::Nothing => Cow::Borrowed(raw.get()),
            };
            if value.len() > VALUE {
                return Err(wrong(Reason::Length { most: VALUE, found: value.len() }));
            }
            Ok((name, value))
        })
        .collect()
}

/// Leaves out the white space between the parts of a JSON text, and sees how deep it nests.
fn compact(json: &str) -> Result<String, Reason> {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    for character in json.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' => {
                depth += 1;
                if depth > DEPTH {
                    return Err(Reason::TooDeep { most: DEPTH });
                }
            }
            '}' | ']' => depth -= 1,
            ' ' | '\t' | '\r' | '\n' => continue,
            _ => {}
        }
        out.push(character);
    }
    Ok(out)
}

/// The members of an object in their order, with values that are read later.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_parts_is_left_out() {
        let json = "{ \"a b\" : [ 1 , \"x \\\" y\" ] }";
        assert_eq!(compact(json).unwrap(), r#"{"a b":[1,"x \" y"]}"#);
        assert!(compact(&"[".repeat(DEPTH + 1)).is_err());
    }

    #[test]
    fn a_path_hides_the_whole_attribute() {
        for private in ["[\"address\"]", "[\"/address/zip\"]", "[\"/address\"]"] {
            let attributes: &RawValue =
                serde_json::from_str(r#"{"address":{"zip":"1"},"plan":"pro"}"#).unwrap();
            let private: &RawValue = serde_json::from_str(private).unwrap();
            let mut read = Attributes::read(Some(attributes), Some(private)).unwrap();
            read.hide(None);
            assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"plan":"pro"}"#);
        }
    }
}
