//! What names the stream of one aggregate.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

/// The commits of one aggregate: its organization, its kind (`flag`, `segment`) and its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The organization that owns the aggregate.
    pub org: Uuid,
    /// The kind of aggregate: lower-case letters, digits, `_` and `-`.
    pub kind: Cow<'static, str>,
    /// The aggregate.
    pub id: Uuid,
}

impl StreamKey {
    /// The stream of the aggregate `id` of `kind` in `org`.
    pub fn new(org: Uuid, kind: impl Into<Cow<'static, str>>, id: Uuid) -> Self {
        Self { org, kind: kind.into(), id }
    }

    /// Whether the kind can be a token of a subject.
    pub(crate) fn has_valid_kind(&self) -> bool {
        is_kind(&self.kind)
    }
}

/// A kind is one token of a subject: no dot, no wildcard, no space.
pub(crate) fn is_kind(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.org, self.kind, self.id)
    }
}
