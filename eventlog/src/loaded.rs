//! An aggregate as its commits make it, with what the next append needs.

use std::collections::HashMap;

use cqrs_es::persist::EventUpcaster;
use cqrs_es::{Aggregate, AggregateContext};
use uuid::Uuid;

use crate::chain::Chain;
use crate::{Digest, LogError, Position, Recorded, StreamKey, Tip, decode};

/// The state of an aggregate after its last known commit.
///
/// It may be kept and refreshed with newer commits. A stale one is harmless: an append compares its
/// tip and is refused.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The aggregate's stream.
    pub key: StreamKey,
    /// The state.
    pub aggregate: A,
    /// The last commit, none if the aggregate does not exist.
    pub tip: Option<Tip>,
    /// Its place in the log.
    pub position: Option<Position>,
    /// What each command of the past led to: a command that comes again gets its first answer.
    pub commands: HashMap<Uuid, Outcome>,
    /// How many events were applied.
    pub events: usize,
    /// The size of the applied commits: a measure for a cache that is bounded by bytes.
    pub bytes: usize,
}

/// The commit that a command led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The aggregate's version after it.
    pub version: u64,
    /// Its place in the log.
    pub position: Position,
    /// The digest of the id of what caused the command: it tells a command that comes again from
    /// another one under the same id.
    pub cause: Digest,
}

impl<A: Default> Loaded<A> {
    /// An aggregate without any commit.
    #[must_use]
    pub fn absent(key: StreamKey) -> Self {
        Self {
            key,
            aggregate: A::default(),
            tip: None,
            position: None,
            commands: HashMap::new(),
            events: 0,
            bytes: 0,
        }
    }
}

impl<A> Loaded<A> {
    /// The version: the number of commits.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.tip.map_or(0, |tip| tip.version)
    }

    /// Notes a commit whose events the aggregate has applied already, as after an own append.
    pub fn record(&mut self, commit: &Recorded) {
        let outcome = Outcome {
            version: commit.commit.version,
            position: commit.position,
            cause: Digest::of(commit.commit.causation.id.as_bytes()),
        };
        self.tip = Some(commit.tip());
        self.position = Some(commit.position);
        // A command of another aggregate may reach into this one under an id that was used here before.
        self.commands.entry(commit.commit.command_id).or_insert(outcome);
        self.events += commit.commit.events.len();
        self.bytes += commit.bytes.len();
    }
}

impl<A: Aggregate> AggregateContext<A> for Loaded<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

/// Applies commits, each of which must follow the tip.
///
/// After an error the aggregate is as the last good commit left it.
///
/// # Errors
/// [`LogError::Damaged`] when a commit does not follow, [`LogError::Undecodable`] when an event is
/// unknown or does not fit its type.
pub fn replay<A: Aggregate>(
    into: &mut Loaded<A>,
    commits: &[Recorded],
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<(), LogError> {
    for commit in commits {
        Chain::after(into.tip).push(&into.key, commit)?;
        let events = commit
            .commit
            .events
            .iter()
            .enumerate()
            .map(|(index, record)| {
                decode::<A::Event>(record, upcasters).map_err(|source| LogError::Undecodable {
                    position: commit.position,
                    event: index,
                    source,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        for event in events {
            into.aggregate.apply(event);
        }
        into.record(commit);
    }
    Ok(())
}
