//! What a command is about, and what came of it.

use std::fmt;

use ff_domain::OrganizationId;
use ff_eventlog::{Position, StreamKey};

use crate::Executable;

/// The aggregate that a command is about.
pub struct Target<A: Executable> {
    /// The organization that owns it.
    pub org: OrganizationId,
    /// Its id.
    pub id: A::Id,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Done<A> {
    /// The aggregate after the command; as it is now if the command is `repeated`.
    pub aggregate: A,
    /// Its version after the command.
    pub version: u64,
    /// The last commit of the change. A query that waits for it sees the change.
    pub position: Position,
    /// Whether anything was committed; a command that would change nothing commits nothing.
    pub changed: bool,
    /// Whether the command was executed before, and this is its first answer again.
    pub repeated: bool,
}

impl<A: Executable> Target<A> {
    /// The aggregate `id` of `org`.
    pub fn new(org: OrganizationId, id: A::Id) -> Self {
        Self { org, id }
    }

    /// Its place in the log.
    pub(crate) fn stream(&self) -> StreamKey {
        StreamKey::new(self.org.0, A::TYPE, A::uuid(self.id))
    }
}

impl<A: Executable> Clone for Target<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Executable> Copy for Target<A> {}

impl<A: Executable> fmt::Debug for Target<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.org, A::TYPE, self.id)
    }
}
