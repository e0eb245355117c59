//! The executor: the one way in for commands.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::{Duration, Instant},
};

use ff_auth::{Gift, Grant, Permission, PrincipalKind};
use ff_domain::{Organization, OrganizationId, OrganizationKey, UserId, upcast::upcasters};
use ff_eventlog::{
    ActorKind, EventLog, Freshness, Loaded, LogError, Position, Recorded, Upcasters,
};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::{
    CommandError, CommandMeta, Done, Executable, Place, Surroundings, Target,
    attempt::Ordinary,
    cache::{Cache, Cell},
    drive::drive,
    founding::Founding,
    measure,
    progress::Progress,
};

/// Executes commands. Clones share the log and the cache.
pub struct Executor<L> {
    shared: Arc<Shared<L>>,
}

/// What whoever gives a command must be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The permission.
    pub permission: Permission,
    /// Where. `None` when there is nothing yet, and the command does not create it.
    pub place: Option<Place>,
    /// Which rights change hands.
    pub gifts: Vec<Gift>,
}

/// How commands are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutorOptions {
    /// How many bytes of commits the aggregates in memory may be made of.
    pub cache_bytes: NonZeroU64,
    /// How often a command is decided anew when another was faster.
    pub attempts: NonZeroU32,
    /// The longest time a command takes, whatever the log does.
    pub deadline: Duration,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self {
            cache_bytes: NonZeroU64::new(64 * 1024 * 1024).expect("it is not zero"),
            attempts: NonZeroU32::new(5).expect("it is not zero"),
            // Whoever asks over HTTP has the answer within two seconds, its own work included.
            deadline: Duration::from_millis(1800),
        }
    }
}

/// What all commands share.
pub(crate) struct Shared<L> {
    pub(crate) log: L,
    pub(crate) options: ExecutorOptions,
    cache: Cache,
    upcasters: Upcasters,
}

impl<L: EventLog> Executor<L> {
    /// An executor on a log.
    pub fn new(log: L, options: ExecutorOptions) -> Self {
        measure::describe();
        let cache = Cache::new(options.cache_bytes);
        let upcasters = upcasters().into();
        Self { shared: Arc::new(Shared { log, options, cache, upcasters }) }
    }

    /// Executes a command against an aggregate.
    ///
    /// With `expected` only if the aggregate is at that version. A command whose id is in the aggregate's history is
    /// not executed again; it gets the answer of the first time.
    ///
    /// The grant is for [`Executable::permission`] in the command's place or around it, and for the command's actor;
    /// the platform itself may act for others.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn execute<A: Executable>(
        &self,
        grant: &Grant,
        target: Target<A>,
        command: A::Command,
        meta: CommandMeta,
        expected: Option<u64>,
    ) -> Result<Done<A>, CommandError<A>> {
        let started = Instant::now();
        let answer = if !permits(grant, A::permission(&command), target.org, &meta) {
            Err(CommandError::NotGranted)
        } else if !A::is_for(&command, target.org, target.id) {
            Err(CommandError::Misaddressed)
        } else {
            let cell = self.shared.cell(target);
            let attempt = Ordinary { grant, target, command: &command, meta: &meta };
            self.in_time(async |progress| {
                let _turn = cell.turn().await;
                drive(&self.shared, &cell, &meta, expected, &attempt, progress).await
            })
            .await
        };
        measure::answered(&answer, started.elapsed());
        answer
    }

    /// Founds an organization with its first owner, both in one atomic batch.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn create_organization(
        &self,
        grant: &Grant,
        key: OrganizationKey,
        name: String,
        owner: UserId,
        meta: CommandMeta,
    ) -> Result<Done<Organization>, CommandError<Organization>> {
        let started = Instant::now();
        let org = OrganizationId::of(&key);
        let answer = if permits(grant, Some(Permission::OrganizationCreate), org, &meta) {
            let cell = self.shared.cell(Target::<Organization>::new(org, org));
            let founding = Founding { org, key, name, owner, meta: &meta };
            self.in_time(async |progress| {
                let _turn = cell.turn().await;
                let done = drive(&self.shared, &cell, &meta, None, &founding, progress).await?;
                founding.whole(&self.shared, done).await.map_err(|error| progress.unreadable(error))
            })
            .await
        } else {
            Err(CommandError::NotGranted)
        };
        measure::answered(&answer, started.elapsed());
        answer
    }

    /// What a command asks of whoever gives it, as far as is known here: what it asks of an aggregate that others have
    /// changed meanwhile may be something else, and [`execute`](Self::execute) says so.
    ///
    /// # Errors
    /// [`CommandError::NotGranted`] for what only the executor may ask, and those of [`load`](Self::load).
    pub async fn demand<A: Executable>(
        &self,
        target: Target<A>,
        command: &A::Command,
    ) -> Result<Demand, CommandError<A>> {
        let permission = A::permission(command).ok_or(CommandError::NotGranted)?;
        let known = self.shared.cell(target).get();
        let asked = |aggregate: &A| Demand {
            permission,
            place: aggregate.place(command),
            gifts: aggregate.gifts(target.org, command),
        };
        if known.version() > 0 {
            return Ok(asked(&known.aggregate));
        }
        drop(known);
        let (aggregate, _, _) = self.load::<A>(target.org, target.id).await?;
        Ok(asked(&aggregate))
    }

    /// Whether a command would be taken now, as far as its own aggregate and what it depends on have a say. Nothing is
    /// committed: it is for what is promised today and done by somebody else later.
    ///
    /// # Errors
    /// [`CommandError::Rejected`], and those of [`load`](Self::load).
    pub async fn rehearse<A: Executable>(
        &self,
        target: Target<A>,
        command: A::Command,
        at: Timestamp,
    ) -> Result<(), CommandError<A>> {
        let cell = self.shared.cell(target);
        self.in_time(async |progress| {
            progress.reading();
            let loaded = self.shared.refresh(&cell, Freshness::Leader).await;
            let aggregate = &loaded.map_err(|error| progress.unreadable(error))?.aggregate;
            let around = Surroundings::new(&self.shared, target.org, at);
            let facts = aggregate.facts(&command, &around).await;
            let facts = facts.map_err(|error| progress.unreadable(error))?;
            aggregate.decide(command, &facts).map(drop).map_err(CommandError::Rejected)
        })
        .await
    }

    /// An aggregate as the leader of the log has it, with its version and its last commit's position.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] and [`CommandError::Log`].
    pub async fn load<A: Executable>(
        &self,
        org: OrganizationId,
        id: A::Id,
    ) -> Result<(A, u64, Option<Position>), CommandError<A>> {
        let cell = self.shared.cell(Target::<A>::new(org, id));
        self.in_time(async |progress| {
            progress.reading();
            let loaded = self.shared.refresh(&cell, Freshness::Leader).await;
            let loaded = loaded.map_err(|error| progress.unreadable(error))?;
            Ok((loaded.aggregate.clone(), loaded.version(), loaded.position))
        })
        .await
    }

    async fn in_time<A: Executable, T>(
        &self,
        work: impl AsyncFnOnce(&Progress) -> Result<T, CommandError<A>>,
    ) -> Result<T, CommandError<A>> {
        let progress = Progress::default();
        match timeout(self.shared.options.deadline, work(&progress)).await {
            Ok(answer) => answer,
            Err(_) => Err(progress.timed_out()),
        }
    }
}

/// Whether a grant is for this permission, in this organization, and for who is written down as the actor. Where in
/// the organization is compared when the aggregate is known.
fn permits(
    grant: &Grant,
    permission: Option<Permission>,
    org: OrganizationId,
    meta: &CommandMeta,
) -> bool {
    let actor = &meta.actor;
    let acts = match grant.principal().kind {
        PrincipalKind::User { user_id } => actor.kind == ActorKind::User && actor.id == user_id,
        PrincipalKind::ApiKey { key_id } => actor.kind == ActorKind::ApiKey && actor.id == key_id,
        // The platform does what others have asked for: a schedule, an import.
        PrincipalKind::System => true,
    };
    acts && permission == Some(grant.permission()) && grant.scope().org == org.0
}

impl<L: EventLog> Shared<L> {
    pub(crate) fn cell<A: Executable>(&self, target: Target<A>) -> Arc<Cell<A>> {
        self.cache.cell(&target.stream())
    }

    /// Asks the log for what is newer than what is known, and answers with the whole.
    pub(crate) async fn refresh<A: Executable>(
        &self,
        cell: &Arc<Cell<A>>,
        read: Freshness,
    ) -> Result<Arc<Loaded<A>>, LogError> {
        let known = cell.get();
        let newer = self.log.history(&known.key, known.tip.as_ref(), read).await?;
        // Whoever holds the old state makes the cell copy it.
        drop(known);
        self.advance(cell, &newer)?;
        Ok(cell.get())
    }

    pub(crate) fn advance<A: Executable>(
        &self,
        cell: &Arc<Cell<A>>,
        commits: &[Recorded],
    ) -> Result<(), LogError> {
        self.cache.advance(cell, commits, &self.upcasters)
    }
}

impl<L> Clone for Executor<L> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<L> fmt::Debug for Executor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
