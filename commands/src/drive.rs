//! The loop around a decision: load, look for the command, decide, append, and again if another was faster.

use std::{future::Future, sync::Arc, time::Duration};

use ff_domain::OrganizationId;
use ff_eventlog::{
    AppendError, Digest, Draft, EncodeError, EventLog, Freshness, Loaded, LogError, StreamKey, Tip,
    encode,
};
use tokio::{sync::OwnedMutexGuard, time::sleep};

use crate::{
    CommandError, CommandMeta, Done, Executable, cache::Cell, executor::Shared, measure,
    progress::Progress,
};

/// The longest wait after the first conflict; it doubles with each.
const BACK_OFF: Duration = Duration::from_millis(4);

/// One way to decide a command on a state.
pub(crate) trait Attempt<A: Executable>: Sync {
    /// Decides. An error is about reading what the decision depends on.
    fn decide<L: EventLog>(
        &self,
        shared: &Shared<L>,
        loaded: &Loaded<A>,
    ) -> impl Future<Output = Result<Verdict<A>, LogError>> + Send;
}

/// What a command leads to on the state it was decided on.
pub(crate) enum Verdict<A: Executable> {
    /// Something changes.
    Change(Change<A>),
    /// Everything is as the command wants it.
    Unchanged,
    /// It is refused.
    Refused(CommandError<A>),
}

/// What is to be appended.
pub(crate) struct Change<A> {
    /// The aggregate after it.
    pub(crate) after: A,
    /// All that is committed together.
    pub(crate) drafts: Vec<Draft>,
    /// Which of the drafts is the aggregate's own.
    pub(crate) own: usize,
    /// Keeps other commands of this process from changing the others until this is appended.
    pub(crate) turns: Vec<OwnedMutexGuard<()>>,
}

/// Executes a command whose turn it is.
pub(crate) async fn drive<A: Executable, L: EventLog>(
    shared: &Shared<L>,
    cell: &Arc<Cell<A>>,
    meta: &CommandMeta,
    expected: Option<u64>,
    attempt: &impl Attempt<A>,
    progress: &Progress,
) -> Result<Done<A>, CommandError<A>> {
    progress.reading();
    let mut read = Freshness::Any;
    let mut attempts = 0;
    loop {
        let loaded = shared.refresh(cell, read).await.map_err(|e| progress.unreadable(e))?;
        let verdict = match before_deciding(&loaded, meta, expected, progress) {
            Some(answer) => Err(answer),
            None => match attempt.decide(shared, &loaded).await {
                Ok(verdict) => after_deciding(verdict, &loaded, expected),
                Err(error) => return Err(progress.unreadable(error)),
            },
        };
        let change = match verdict {
            Ok(change) => change,
            Err(answer) if read == Freshness::Leader => return answer,
            // Only an append proves that what was read is current. Any other answer waits for the leader's word.
            Err(_) => {
                read = Freshness::Leader;
                continue;
            }
        };
        if attempts == shared.options.attempts.get() {
            return Err(progress.exhausted());
        }
        attempts += 1;
        drop(loaded);
        if let Some(done) = append(shared, cell, change, progress).await? {
            return Ok(done);
        }
        read = Freshness::Leader;
        sleep(jitter(attempts)).await;
    }
}

type Answer<A> = Result<Done<A>, CommandError<A>>;

/// The answer to a command that was executed before, or that is about another version.
fn before_deciding<A: Executable>(
    loaded: &Loaded<A>,
    meta: &CommandMeta,
    expected: Option<u64>,
    progress: &Progress,
) -> Option<Answer<A>> {
    if let Some(first) = loaded.commands.get(&meta.command_id) {
        return Some(if first.cause == Digest::of(meta.causation.id.as_bytes()) {
            Ok(Done {
                aggregate: loaded.aggregate.clone(),
                version: first.version,
                position: first.position,
                changed: true,
                // A commit whose acknowledgement got lost is this very command's.
                repeated: !progress.is_unanswered(),
            })
        } else {
            Err(CommandError::IdempotencyMismatch)
        });
    }
    // Of what does not exist the domain speaks first: not found is the better answer.
    mismatch(loaded, expected).filter(|_| loaded.version() > 0).map(Err)
}

fn after_deciding<A: Executable>(
    verdict: Verdict<A>,
    loaded: &Loaded<A>,
    expected: Option<u64>,
) -> Result<Change<A>, Answer<A>> {
    match verdict {
        Verdict::Refused(error) => Err(Err(error)),
        Verdict::Change(change) => match mismatch(loaded, expected) {
            Some(error) => Err(Err(error)),
            None => Ok(change),
        },
        Verdict::Unchanged => Err(Ok(Done {
            aggregate: loaded.aggregate.clone(),
            version: loaded.version(),
            position: loaded.position.unwrap_or_default(),
            changed: false,
            repeated: false,
        })),
    }
}

fn mismatch<A: Executable>(loaded: &Loaded<A>, expected: Option<u64>) -> Option<CommandError<A>> {
    let actual = loaded.version();
    let expected = expected.filter(|expected| *expected != actual)?;
    Some(CommandError::VersionMismatch { expected, actual })
}

/// Appends a change. `None` if it must be decided again: another was faster, or nobody knows.
async fn append<A: Executable, L: EventLog>(
    shared: &Shared<L>,
    cell: &Arc<Cell<A>>,
    change: Change<A>,
    progress: &Progress,
) -> Result<Option<Done<A>>, CommandError<A>> {
    let Change { after, drafts, own, turns } = change;
    progress.appending();
    let answer = shared.log.append(drafts).await;
    drop(turns);
    match answer {
        Ok(commits) => {
            progress.reading();
            let commit = &commits[own];
            // The commit stands, whatever the cache makes of it: the next load tells.
            if let Err(error) = shared.advance(cell, std::slice::from_ref(commit)) {
                tracing::debug!(%error, "a commit was not added to the aggregate in memory");
            }
            let position = commits.iter().map(|commit| commit.position).max().unwrap_or_default();
            let version = commit.commit.version;
            let done = Done { aggregate: after, version, position, changed: true, repeated: false };
            Ok(Some(done))
        }
        Err(AppendError::Conflict) => {
            progress.reading();
            measure::conflict::<A>();
            Ok(None)
        }
        Err(AppendError::Unknown { source }) => {
            tracing::debug!(error = %source, "an append was not answered");
            progress.unanswered();
            Ok(None)
        }
        Err(AppendError::Unavailable { source }) => Err(progress.unavailable(source)),
        Err(AppendError::TooLarge { bytes, limit, .. }) => {
            Err(CommandError::TooLarge { bytes, limit })
        }
        Err(error) => Err(CommandError::Append(error)),
    }
}

/// A draft of what was decided on an aggregate at `tip`.
pub(crate) fn draft<A: Executable>(
    org: OrganizationId,
    id: A::Id,
    tip: Option<Tip>,
    meta: &CommandMeta,
    events: &[A::Event],
) -> Result<Draft, EncodeError> {
    let stream = StreamKey::new(org.0, A::TYPE, A::uuid(id));
    let events = events.iter().map(encode).collect::<Result<_, _>>()?;
    Ok(Draft { stream, tip, meta: meta.clone(), events })
}

/// Those who met in a conflict must not meet again.
fn jitter(attempts: u32) -> Duration {
    let longest = BACK_OFF * 2u32.saturating_pow(attempts.saturating_sub(1).min(8));
    rand::random_range(Duration::ZERO..=longest)
}
