//! Names of attributes: a plain name, or a JSON pointer into nested values.

use serde_json::Value;

use crate::context::{IDENTITY, name_hash};

/// An attribute as a rule names it, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// As it was written.
    pub(crate) path: Box<str>,
    /// The outermost name, and its hash.
    pub(crate) name: Box<str>,
    pub(crate) hash: u64,
    /// Whether the name alone finds it: it has no stand-ins, and nothing is inside.
    pub(crate) plain: bool,
    /// Its place in [`IDENTITY`], if it is one of those.
    pub(crate) identity: Option<usize>,
    /// The names inside, outermost first.
    pub(crate) inner: Box<[Box<str>]>,
}

impl Attribute {
    /// Takes a name or a pointer apart. `None` for the empty text.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let Some(pointer) = path.strip_prefix('/') else {
            return (!path.is_empty()).then(|| Self::new(path, path.into(), Box::default()));
        };
        let mut names =
            pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~").into());
        let name = names.next()?;
        Some(Self::new(path, name, names.collect()))
    }

    fn new(path: &str, name: Box<str>, inner: Box<[Box<str>]>) -> Self {
        let identity = IDENTITY.iter().position(|known| **known == *name);
        let plain = identity.is_none() && inner.is_empty();
        Self { plain, path: path.into(), hash: name_hash(&name), name, identity, inner }
    }

    /// Follows the inner names from the value of the outermost.
    pub(crate) fn descend<'v>(&self, outermost: &'v Value) -> Option<&'v Value> {
        self.inner
            .iter()
            .try_fold(outermost, |value, name| step(value, name))
            .filter(|v| !v.is_null())
    }
}

fn step<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => {
            // As in RFC 6901: digits only, no leading zero.
            let plain = name.bytes().all(|byte| byte.is_ascii_digit())
                && (name == "0" || !name.starts_with('0'));
            items.get(name.parse::<usize>().ok().filter(|_| plain)?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Context;

    #[test]
    fn pointers_lead_into_objects_and_lists() {
        let context = Context::from_json(json!({
            "address": {"zip": "10115", "none": null}, "roles": ["a", "b"], "a/b": 1, "m~n": {"x/y": 2}, "": {"": 3},
        }))
        .unwrap();
        assert_eq!(context.attribute("/address/zip"), Some(&json!("10115")));
        assert_eq!(context.attribute("/roles/1"), Some(&json!("b")));
        assert_eq!(context.attribute("a/b"), Some(&json!(1)));
        assert_eq!(context.attribute("/a~1b"), Some(&json!(1)));
        assert_eq!(context.attribute("/m~0n/x~1y"), Some(&json!(2)));
        assert_eq!(context.attribute("//"), Some(&json!(3)));
        for missing in [
            "",
            "address/zip",
            "/address/none",
            "/address/zip/0",
            "/roles/2",
            "/roles/01",
            "/roles/+1",
            "/roles/",
        ] {
            assert_eq!(context.attribute(missing), None, "{missing}");
        }
    }

    #[test]
    fn a_pointer_of_one_name_is_that_name() {
        let context = Context::from_json(json!({"user_id": {"n": "u"}})).unwrap();
        assert_eq!(context.attribute("/user_key/n"), Some(&json!("u")));
    }
}
