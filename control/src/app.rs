//! What every handler works with, and the ways from a caller to a command or a query.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use ff_auth::{Grant, Permission, Scope, TokenService};
use ff_commands::{Done, Executable, Executor, Target};
use ff_domain::OrganizationId;
use ff_eventlog::JetStreamLog;
use ff_projections::{ProjectionName, Queries};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Quota;
use crate::doorkeeper::Doorkeeper;
use crate::identity::Users;
use crate::middleware::{Caller, Limiter, Seen, Who};
use crate::problem::{Problem, Refusal, code};
use crate::request::Intent;

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
    pub users: Users,
    /// Access tokens.
    pub tokens: Arc<TokenService>,
    /// Who may do what.
    pub doorkeeper: Doorkeeper,
    /// Makes API keys; the same secret as that of the tokens.
    pub secret: SecretString,
    /// Pages of these origins may call the API.
    pub cors_origins: Vec<HeaderValue>,
    /// How many requests a caller may send.
    pub quota: Quota,
    /// How many failed sign-ins an e-mail may have.
    pub sign_ins: Quota,
    /// What this process has measured.
    pub metrics: PrometheusHandle,
}

/// What is kept between requests. Nobody misses it after a restart.
pub(crate) struct Kept {
    pub(crate) callers: Limiter<Who>,
    pub(crate) sign_ins: Limiter<[u8; 32]>,
    /// Which request an idempotency key was used for. The log knows it too, by aggregate; this finds a key that
    /// comes again for another one.
    used_keys: Cache<Uuid, String>,
}

/// How long a query waits for the read model.
const PATIENCE: Duration = Duration::from_secs(2);
const USED_KEYS: u64 = 100_000;
const USED_KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let kept = Kept {
            callers: Limiter::new(parts.quota),
            sign_ins: Limiter::new(parts.sign_ins),
            used_keys: Cache::builder()
                .max_capacity(USED_KEYS)
                .time_to_live(USED_KEYS_KEPT)
                .build(),
        };
        Self { parts: Arc::new(parts), kept: Arc::new(kept) }
    }

    /// Proof that the caller may do this there, or how to refuse it.
    pub(crate) async fn allow(
        &self,
        caller: &Caller,
        permission: Permission,
        scope: Scope,
    ) -> Result<Grant, Problem> {
        self.doorkeeper.allow(&caller.0, permission, scope).await
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

    /// Authorises a command and executes it.
    pub(crate) async fn execute<A>(
        &self,
        caller: &Caller,
        scope: Scope,
        target: Target<A>,
        command: A::Command,
        intent: &Intent,
    ) -> Result<Done<A>, Problem>
    where
        A: Executable<Error: Refusal>,
    {
        let Some(permission) = A::permission(&command) else { return Err(Problem::not_found()) };
        let grant = self.allow(caller, permission, scope).await?;
        self.once(caller, intent, async {
            let meta = intent.meta(&caller.0, Timestamp::now());
            Ok(self.commands.execute(&grant, target, command, meta, intent.expected).await?)
        })
        .await
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
        let id = intent.command_id(&caller.0);
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

    /// 32 bytes that follow from a command and cannot be guessed: the same command makes the same key.
    pub(crate) fn key_bytes(&self, command_id: Uuid) -> [u8; 32] {
        let secret = self.secret.expose_secret();
        let inner = Sha256::new()
            .chain_update(b"ff api key\0")
            .chain_update(secret)
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
