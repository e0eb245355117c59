//! The check that an aggregate's commits are all there and unaltered.

use crate::{BrokenLink, Defect, Recorded, StreamKey, Tip};

/// Follows the commits of one aggregate: versions without a gap, each naming the digest before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    tip: Option<Tip>,
}

impl Chain {
    /// A chain of which everything up to `tip` is known.
    pub(crate) fn after(tip: Option<Tip>) -> Self {
        Self { tip }
    }

    /// The sequence of the last commit, 0 before the first.
    pub(crate) fn sequence(&self) -> u64 {
        self.tip.map_or(0, |tip| tip.sequence)
    }

    /// Takes the next commit. It becomes the tip even when it does not follow, so that one damaged
    /// commit is reported once and not for every commit after it.
    pub(crate) fn push(&mut self, stream: &StreamKey, next: &Recorded) -> Result<(), Defect> {
        let before = self.tip.replace(next.tip());
        let expected = before.map_or(0, |tip| tip.version) + 1;
        let found = next.commit.version;
        if found != expected {
            return Err(Defect::Gap {
                stream: stream.clone(),
                position: next.position,
                expected,
                found,
            });
        }
        let digest = before.map(|tip| tip.digest);
        if next.commit.prev != digest {
            return Err(Defect::Altered {
                stream: stream.clone(),
                position: next.position,
                version: expected - 1,
                link: Box::new(BrokenLink { recorded: next.commit.prev, found: digest }),
            });
        }
        Ok(())
    }
}
