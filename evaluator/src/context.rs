//! The context of an evaluation: who asks, and what is known of them.
//!
//! A context is read once and asked often, so its attributes are kept sorted by the hash of their names. Rules
//! carry the hashes of the names they ask for, and a look-up compares a few integers.

use std::borrow::Cow;
use std::hash::Hasher as _;

use rustc_hash::FxHasher;
use serde_json::{Map, Value};

use crate::attribute::Attribute;
use crate::short::same_text;

/// The attributes that name who asks. Where one is missing, the others stand in for it, in this order.
pub(crate) const IDENTITY: [&str; 3] = ["targetingKey", "user_key", "user_id"];

/// Who asks, and what is known of them. Attributes that are `null` are the same as missing.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The hashes of the names, ascending, apart from the entries so that a search reads little memory.
    hashes: Box<[u64]>,
    /// In the order of the hashes; names with the same hash lie together.
    entries: Box<[Entry]>,
    /// Where the attributes of [`IDENTITY`] are among the entries, stand-ins filled in.
    identity: [Option<usize>; 3],
    /// The text that is hashed for a rollout and looked up in targets.
    targeting_key: Option<Box<str>>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: Box<str>,
    value: Value,
}

/// Why something is no context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// A context is a JSON object.
    #[error("a context is an object of attributes, this is {found}")]
    NotAnObject {
        /// What it is instead.
        found: &'static str,
    },
    /// The targeting key is something that cannot be one.
    #[error("`targetingKey` is a text or an integer, this is {found}")]
    TargetingKey {
        /// What it is instead.
        found: &'static str,
    },
}

impl Context {
    /// Takes the attributes of a JSON object.
    ///
    /// `targetingKey` must be a string or an integer if it is there. `user_key` and `user_id` may be anything, but
    /// only strings and integers can stand in for it.
    pub fn from_json(json: Value) -> Result<Self, ContextError> {
        match json {
            Value::Object(attributes) => Self::from_attributes(attributes),
            other => Err(ContextError::NotAnObject { found: type_name(&other) }),
        }
    }

    /// The same as [`Context::from_json`] for an object that is already known to be one.
    pub fn from_attributes(attributes: Map<String, Value>) -> Result<Self, ContextError> {
        let mut hashed: Vec<(u64, Entry)> = attributes
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name_hash(&name), Entry { name: name.into(), value }))
            .collect();
        hashed.sort_unstable_by_key(|(hash, _)| *hash);
        let (hashes, entries): (Vec<u64>, Vec<Entry>) = hashed.into_iter().unzip();
        let given = IDENTITY.map(|name| entries.iter().position(|entry| &*entry.name == name));
        if let Some(value) = given[0].map(|index| &entries[index].value)
            && !value.is_string()
            && bucketing_text(value).is_none()
        {
            return Err(ContextError::TargetingKey { found: type_name(value) });
        }
        let first = given.into_iter().flatten().next();
        let targeting_key = given
            .into_iter()
            .flatten()
            .find_map(|index| bucketing_text(&entries[index].value))
            .map(|text| text.into_owned().into_boxed_str());
        Ok(Self {
            identity: given.map(|own| own.or(first)),
            hashes: hashes.into(),
            entries: entries.into(),
            targeting_key,
        })
    }

    /// Who asks, as text: the first of `targetingKey`, `user_key` and `user_id` that is a string with something in
    /// it, or an integer.
    pub fn targeting_key(&self) -> Option<&str> {
        self.targeting_key.as_deref()
    }

    /// The value of an attribute given as a plain name or as a JSON pointer (`/address/zip`).
    pub fn attribute(&self, path: &str) -> Option<&Value> {
        self.find(&Attribute::parse(path)?)
    }

    /// The value of a parsed attribute; `null` is the same as missing.
    #[inline(always)]
    pub(crate) fn find(&self, attribute: &Attribute) -> Option<&Value> {
        if attribute.plain {
            self.entry(attribute.hash, &attribute.name)
        } else {
            self.find_further(attribute)
        }
    }

    #[inline(never)]
    fn find_further(&self, attribute: &Attribute) -> Option<&Value> {
        let value = match attribute.identity {
            Some(which) => &self.entries[self.identity[which]?].value,
            None => self.entry(attribute.hash, &attribute.name)?,
        };
        if attribute.inner.is_empty() { Some(value) } else { attribute.descend(value) }
    }

    #[inline(always)]
    fn entry(&self, hash: u64, name: &str) -> Option<&Value> {
        let start = if self.hashes.len() <= 16 {
            self.hashes.iter().position(|one| *one == hash)?
        } else {
            self.hashes.partition_point(|one| *one < hash)
        };
        let entry = self.entries.get(start)?;
        if same_text(&entry.name, name) { Some(&entry.value) } else { self.collided(start, name) }
    }

    /// Looks on from a name that has the hash of the one searched for, or one next to it.
    #[cold]
    fn collided(&self, start: usize, name: &str) -> Option<&Value> {
        let hash = *self.hashes.get(start)?;
        let alike =
            self.entries.iter().zip(&self.hashes).skip(start).take_while(|(_, h)| **h == hash);
        alike.map(|(entry, _)| entry).find(|entry| *entry.name == *name).map(|entry| &entry.value)
    }
}

/// The hash by which attributes are found. Nothing outside the process sees it.
pub(crate) fn name_hash(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// The text a value is bucketed by: a string with something in it, or an integer in decimal. A number like `42.0`
/// is the integer 42, because many languages cannot tell the two apart; beyond 2^53 they would print it differently.
#[allow(clippy::cast_possible_truncation, reason = "checked to be an integer within range")]
pub(crate) fn bucketing_text(value: &Value) -> Option<Cow<'_, str>> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::String(text) => (!text.is_empty()).then_some(Cow::Borrowed(text)),
        Value::Number(number) if !number.is_f64() => Some(Cow::Owned(number.to_string())),
        Value::Number(number) => number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)
            .map(|float| Cow::Owned((float as i64).to_string())),
        _ => None,
    }
}

/// What a JSON value is, for messages.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(json: Value) -> Context {
        Context::from_json(json).unwrap()
    }

    #[test]
    fn identity_attributes_stand_in_for_each_other() {
        let by_id = context(json!({"user_id": 42, "user_key": null}));
        assert_eq!(by_id.targeting_key(), Some("42"));
        assert_eq!(by_id.attribute("targetingKey"), Some(&json!(42)));
        let both = context(json!({"user_id": "i", "user_key": "k"}));
        assert_eq!(both.targeting_key(), Some("k"));
        assert_eq!(both.attribute("user_id"), Some(&json!("i")));
        assert_eq!(both.attribute("targetingKey"), Some(&json!("k")));
        let odd = context(json!({"user_key": true, "user_id": "i"}));
        assert_eq!(odd.targeting_key(), Some("i"));
        assert_eq!(odd.attribute("targetingKey"), Some(&json!(true)));
    }

    #[test]
    fn an_empty_or_fractional_key_is_none() {
        assert_eq!(context(json!({"targetingKey": "", "user_id": 1.5})).targeting_key(), None);
        assert_eq!(context(json!({"targetingKey": 7.0})).targeting_key(), Some("7"));
        assert_eq!(context(json!({})).targeting_key(), None);
    }

    #[test]
    fn what_is_no_context_is_refused() {
        assert_eq!(
            Context::from_json(json!([])).unwrap_err().to_string(),
            "a context is an object of attributes, this is a list"
        );
        for key in [json!(true), json!({}), json!(1.5)] {
            let error = Context::from_json(json!({"targetingKey": key})).unwrap_err();
            assert!(matches!(error, ContextError::TargetingKey { .. }), "{key}");
        }
    }

    #[test]
    fn attributes_are_found_in_small_and_large_contexts() {
        for size in [1, 7, 8, 9, 200] {
            let map: Map<String, Value> =
                (0..size).map(|n| (format!("attribute-{n}"), json!(n))).collect();
            let context = Context::from_attributes(map).unwrap();
            for n in 0..size {
                assert_eq!(context.attribute(&format!("attribute-{n}")), Some(&json!(n)));
            }
            assert_eq!(context.attribute("attribute-"), None);
        }
    }
}
