//! What is done when a guardrail of an experiment is breached: a process manager, which turns a finding of the
//! analysis into a command of the platform itself.
//!
//! It acts once for an iteration and an action, however often and from wherever it is asked: the command's id follows
//! from the two, so whoever comes second gets the answer of the first. What people do afterwards stands: an experiment
//! that was resumed is not paused again before its next iteration.

use ff_auth::{Authorizer as _, Grant, Permission, Principal, Scope, SystemAuthorizer};
use ff_domain::{
    Experiment, ExperimentCommand, ExperimentId, ExperimentState, Flag, FlagCommand, FlagId,
    MetricKey, OrganizationId, VariationKey,
    experiment::{REASON_MAX, Status},
};
use ff_eventlog::{Actor, ActorKind, Causation, CausationKind, EventLog, Position, Via};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{CommandError, CommandMeta, Done, Executable, Executor, Target};

/// How often it looks again when someone else changes the experiment in the same moment.
const ATTEMPTS: usize = 5;

/// A guardrail that was breached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The iteration that the evidence is of.
    pub iteration: u32,
    /// What got worse.
    pub metric: MetricKey,
    /// In which arm.
    pub variation: VariationKey,
    /// The numbers, in words: they become the comment of the command.
    pub evidence: String,
    /// What the design says is done then.
    pub action: Action,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The experiment is paused.
    Pause,
    /// The flag is turned off in the experiment's environment.
    TurnOff,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It was done, with this commit.
    Now(Position),
    /// It had been done before, with this commit.
    Before(Position),
    /// There was nothing to do: the experiment does not run in that iteration any more, or the flag is off.
    Moot,
}

/// Why nothing could be done.
#[derive(Debug, thiserror::Error)]
pub enum GuardrailError {
    /// The experiment could not be read or paused.
    #[error("the experiment could not be paused")]
    Experiment(#[source] CommandError<Experiment>),
    /// The flag could not be read or turned off.
    #[error("the flag could not be turned off")]
    Flag(#[source] CommandError<Flag>),
}

/// Acts on breached guardrails.
#[derive(Debug, Clone)]
pub struct GuardrailManager<L> {
    executor: Executor<L>,
}

impl<L: EventLog> GuardrailManager<L> {
    /// Acts through an executor.
    pub fn new(executor: Executor<L>) -> Self {
        Self { executor }
    }

    /// Does what a breach asks for, unless the experiment is no longer running in that iteration.
    ///
    /// # Errors
    /// When the log cannot be reached, or others change the same things again and again.
    pub async fn act(
        &self,
        org: OrganizationId,
        breach: &Breach,
        at: Timestamp,
    ) -> Result<Acted, GuardrailError> {
        match breach.action {
            Action::Pause => self.pause(org, breach, at).await.map_err(GuardrailError::Experiment),
            Action::TurnOff => self.turn_off(org, breach, at).await,
        }
    }

    async fn pause(
        &self,
        org: OrganizationId,
        breach: &Breach,
        at: Timestamp,
    ) -> Result<Acted, CommandError<Experiment>> {
        let mut attempt = 1;
        loop {
            let id = breach.experiment;
            let (experiment, version, _) = self.executor.load::<Experiment>(org, id).await?;
            if running(&experiment, breach).is_none() {
                return Ok(Acted::Moot);
            }
            let command = ExperimentCommand::Pause { reason: Some(breach.reason()) };
            let target = Target::<Experiment>::new(org, id);
            match self.execute(target, command, breach.meta(at), version).await {
                Err(CommandError::VersionMismatch { .. }) if attempt < ATTEMPTS => attempt += 1,
                answer => return answer.map(|done| acted(&done)),
            }
        }
    }

    async fn turn_off(
        &self,
        org: OrganizationId,
        breach: &Breach,
        at: Timestamp,
    ) -> Result<Acted, GuardrailError> {
        let mut attempt = 1;
        loop {
            let loaded = self.executor.load::<Experiment>(org, breach.experiment).await;
            let (experiment, ..) = loaded.map_err(GuardrailError::Experiment)?;
            let Some(state) = running(&experiment, breach) else { return Ok(Acted::Moot) };
            let id = FlagId::of(state.project, &state.flag);
            let loaded = self.executor.load::<Flag>(org, id).await;
            let (flag, version, _) = loaded.map_err(GuardrailError::Flag)?;
            // The flag itself says which iteration it serves, so its version is enough to hold on to.
            let served = flag.state().map(|flag| flag.environment(&state.environment).experiment);
            let rule = state.iteration().map(|iteration| &iteration.definition.rule);
            if served.flatten().map(|served| served.rule).as_ref() != rule {
                return Ok(Acted::Moot);
            }
            let command = FlagCommand::TurnOff { environment: state.environment.clone() };
            let target = Target::<Flag>::new(org, id);
            match self.execute(target, command, breach.meta(at), version).await {
                Err(CommandError::VersionMismatch { .. }) if attempt < ATTEMPTS => attempt += 1,
                answer => return answer.map(|done| acted(&done)).map_err(GuardrailError::Flag),
            }
        }
    }

    async fn execute<A: Executable>(
        &self,
        target: Target<A>,
        command: A::Command,
        meta: CommandMeta,
        version: u64,
    ) -> Result<Done<A>, CommandError<A>> {
        let permission = A::permission(&command).ok_or(CommandError::NotGranted)?;
        let grant = granted(target.org, permission).ok_or(CommandError::NotGranted)?;
        self.executor.execute(&grant, target, command, meta, Some(version)).await
    }
}

/// The platform acts by itself.
fn granted(org: OrganizationId, permission: Permission) -> Option<Grant> {
    let scope = Scope::organization(org.0);
    SystemAuthorizer.authorize(&Principal::system(), permission, &scope).ok()
}

/// The experiment, if it runs in the iteration of the breach.
fn running<'e>(experiment: &'e Experiment, breach: &Breach) -> Option<&'e ExperimentState> {
    let Experiment::Live(state) = experiment else { return None };
    let current = state.iteration()?.number == breach.iteration;
    (state.status == Status::Running && current).then_some(state)
}

fn acted<A>(done: &Done<A>) -> Acted {
    match (done.changed, done.repeated) {
        (false, _) => Acted::Moot,
        (true, false) => Acted::Now(done.position),
        (true, true) => Acted::Before(done.position),
    }
}

impl Action {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::TurnOff => "turn_off",
        }
    }
}

impl Breach {
    /// The id of the command that a breach leads to. All breaches of an iteration lead to the same.
    pub fn command_id(&self) -> Uuid {
        let digest: [u8; 32] = Sha256::new()
            .chain_update("guardrail")
            .chain_update(self.experiment.0.as_bytes())
            .chain_update(self.iteration.to_be_bytes())
            .chain_update(self.action.as_str())
            .finalize()
            .into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Uuid::new_v8(id)
    }

    fn reason(&self) -> String {
        let Self { metric, variation, evidence, .. } = self;
        let whole = format!("guardrail `{metric}` is breached by `{variation}`: {evidence}");
        whole.chars().filter(|c| *c != '\0').take(REASON_MAX).collect()
    }

    fn meta(&self, at: Timestamp) -> CommandMeta {
        let command_id = self.command_id();
        // Not of the metric: two that are breached at once are one command, and a repetition of it.
        let cause = format!("{}:{}:{}", self.experiment, self.iteration, self.action.as_str());
        CommandMeta {
            command_id,
            correlation_id: command_id,
            causation: Causation { kind: CausationKind::Guardrail, id: cause },
            at,
            actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
            via: Via::Api,
            comment: Some(self.reason()),
        }
    }
}
