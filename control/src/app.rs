//! What every handler works with, and the ways from a caller to a command or a query.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use ff_auth::{Grant, Permission, Scope, TokenService};
use ff_commands::{CommandError, Demand, Done, Executable, Executor, Target, Via};
use ff_domain::OrganizationId;
use ff_eventlog::{JetStreamLog, Position};
use ff_front::Origins;
use ff_identity::oidc::SingleSignOn;
use ff_identity::{Mailer, People};
use ff_limits::Limits;
use ff_projections::{ProjectionName, Queries};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Quotas;
use crate::doorkeeper::Doorkeeper;
use crate::erasure::Erasure;
use crate::middleware::{Caller, Seen};
use crate::problem::{Problem, Refusal, code};
use crate::request::Intent;
use crate::rights::Rights;

/// The control plane's parts; cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    pub(crate) kept: Arc<Kept>,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// Executes commands.
    pub commands: Executor<JetStreamLog>,
    /// The log itself, to ask whether it is there.
    pub log: JetStreamLog,
    /// Answers queries.
    pub queries: Queries,
    /// The database, to ask whether it is there.
    pub pool: PgPool,
    /// People.
    pub people: People,
    /// Identity providers.
    pub providers: SingleSignOn,
    /// What happened at the doors of all services.
    pub security_log: ff_security::Log,
    /// Sends mails.
    pub mailer: Mailer,
    /// Where people reach the user interface.
    pub public_url: String,
    /// Access tokens.
    pub tokens: Arc<TokenService>,
    /// Who may do what.
    pub doorkeeper: Doorkeeper,
    /// Makes API keys; the same secret as that of the tokens.
    pub secret: SecretString,
    /// Pages of these origins may call the API.
    pub cors: Origins,
    /// Whether connections are encrypted here.
    pub tls: bool,
    /// How often requests may come.
    pub quotas: Quotas,
    /// Where that is counted.
    pub limits: Limits,
    /// What this process has measured.
    pub metrics: PrometheusHandle,
}

/// What is kept between requests. Nobody misses it after a restart.
pub(crate) struct Kept {
    /// Which request an idempotency key was used for. The log knows it too, by aggregate; this finds a key that
    /// comes again for another one.
    used_keys: Cache<Uuid, String>,
}

/// How long a query waits for the read model.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one waits who is answered in any case.
const A_MOMENT: Duration = Duration::from_secs(1);
const USED_KEYS: u64 = 100_000;
const USED_KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let kept = Kept {
            used_keys: Cache::builder()
                .max_capacity(USED_KEYS)
                .time_to_live(USED_KEYS_KEPT)
                .build(),
        };
        Self { parts: Arc::new(parts), kept: Arc::new(kept) }
    }

    /// Proof that the caller may do this there, or how to refuse it.
    pub(crate) fn allow(
        &self,
        caller: &Caller,
        permission: Permission,
        scope: Scope,
    ) -> Result<Grant, Problem> {
        self.doorkeeper.allow(caller, permission, scope)
    }

    /// Queries, for whoever was granted to read.
    pub(crate) fn read(&self, _: &Grant) -> &Queries {
        &self.queries
    }

    /// An aggregate as the leader of the log has it, for whoever was granted to do something with it.
    pub(crate) async fn load<A: Executable<Error: Refusal>>(
        &self,
        _: &Grant,
        organization: OrganizationId,
        id: A::Id,
    ) -> Result<A, Problem> {
        let (aggregate, _, _) = self.commands.load::<A>(organization, id).await?;
        Ok(aggregate)
    }

    /// Authorises a command and executes it. `around` is the part of the organization that the request names; the
    /// command is authorised where its aggregate is, which may be a smaller one.
    pub(crate) async fn execute<A>(
        &self,
        caller: &Caller,
        around: Scope,
        target: Target<A>,
        command: A::Command,
        intent: &Intent,
    ) -> Result<Done<A>, Problem>
    where
        A: Executable<Error: Refusal>,
    {
        let done = self
            .once(caller, intent, async {
                // Rights that change hands are looked up before, and others may change them in between: then once more.
                let mut again = true;
                loop {
                    let demand = self.commands.demand(target, &command).await?;
                    let Demand { permission, place, gifts } = demand;
                    let scope = place.map_or(around, |place| place.scope(target.org));
                    let grant = self.doorkeeper.allow_giving(caller, permission, scope, gifts);
                    let grant = match grant {
                        Ok(grant) => grant,
                        Err(problem) => return Err(self.mistaken(target, &command, problem).await),
                    };
                    let meta = intent.meta(&caller.principal, Timestamp::now());
                    let (command, expected) = (command.clone(), intent.expected);
                    match self.commands.execute(&grant, target, command, meta, expected).await {
                        Err(CommandError::GivesOther) if again => again = false,
                        done => return Ok(done?),
                    }
                }
            })
            .await?;
        self.in_force::<A>(&done).await;
        Ok(done)
    }

    /// Nobody has a role that does not exist, so whoever gives one is told what is wrong with it, and not that they lack it:
    /// they have the permission, or they would have heard of that.
    async fn mistaken<A>(
        &self,
        target: Target<A>,
        command: &A::Command,
        problem: Problem,
    ) -> Problem
    where
        A: Executable<Error: Refusal>,
    {
        if problem.code() != code::TOO_MUCH {
            return problem;
        }
        match self.commands.rehearse(target, command.clone(), Timestamp::now()).await {
            Err(CommandError::Rejected(error)) => {
                let wrong = error.into_problem();
                let invalid = wrong.status() == StatusCode::UNPROCESSABLE_ENTITY;
                if invalid { wrong } else { problem }
            }
            _ => problem,
        }
    }

    /// Waits until a change of rights is in force, so that whoever made it finds it made.
    pub(crate) async fn in_force<A: Executable>(&self, done: &Done<A>) {
        if done.changed && Rights::KINDS.contains(&A::TYPE) {
            self.rights_at(done.position).await;
        }
    }

    /// Waits until what is known of rights is as of a commit.
    pub(crate) async fn rights_at(&self, position: Position) {
        self.doorkeeper.rights().wait_for(position, PATIENCE).await;
    }

    /// Refuses an idempotency key that was used for another request. If the work fails the key is free again.
    pub(crate) async fn once<T>(
        &self,
        caller: &Caller,
        intent: &Intent,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        if !intent.is_idempotent() {
            return work.await;
        }
        let id = intent.command_id(&caller.principal);
        let entry = self.kept.used_keys.entry(id).or_insert_with(|| intent.digest().to_owned());
        if entry.value() != intent.digest() {
            let detail = "this idempotency key was used for another request, use a new one";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::KEY_REUSED, detail)
                .at("Idempotency-Key:", detail));
        }
        let done = work.await;
        // A server error may have left a commit behind, so only a refusal frees the key.
        if entry.is_fresh() && done.as_ref().is_err_and(|p| p.status().is_client_error()) {
            self.kept.used_keys.invalidate(&id);
        }
        done
    }

    /// Waits for a projection to know of a commit that the caller knows of.
    pub(crate) async fn wait_for(
        &self,
        projection: ProjectionName,
        Seen(position): Seen,
    ) -> Result<(), Problem> {
        if let Some(position) = position {
            self.queries.wait_for_projection(projection, position, PATIENCE).await?;
        }
        Ok(())
    }

    /// What ends what somebody belongs to.
    pub(crate) fn erasure(&self) -> Erasure<'_> {
        Erasure {
            commands: &self.commands,
            rights: self.doorkeeper.rights(),
            people: &self.people,
            security_log: &self.security_log,
            via: Via::Api,
        }
    }

    /// Waits a moment for the catalog to know of the rights that are in force, so that whoever was just let in finds
    /// where. If it takes longer they find what is known by then.
    pub(crate) async fn catch_up(&self) {
        let position = self.doorkeeper.rights().position();
        let caught_up =
            self.queries.wait_for_projection(ProjectionName::Catalog, position, A_MOMENT);
        let _ = caught_up.await;
    }

    /// 32 bytes that follow from a command in an organization and cannot be guessed: the same command makes the same
    /// key there, and never one of another organization.
    pub(crate) fn key_bytes(&self, organization: OrganizationId, command_id: Uuid) -> [u8; 32] {
        let secret = self.secret.expose_secret();
        let inner = Sha256::new()
            .chain_update(b"ff api key\0")
            .chain_update(secret)
            .chain_update(organization.0.as_bytes())
            .chain_update(command_id.as_bytes())
            .finalize();
        Sha256::new().chain_update(secret).chain_update(inner).finalize().into()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}
