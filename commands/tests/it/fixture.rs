//! A world with an organization, a project and two environments, and what tests do in it.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use ff_auth::{
    Access, Authorizer as _, CasbinAuthorizer, Grant, OrganizationPolicy, Permission, Principal,
    Scope, SystemAuthorizer,
};
use ff_commands::{
    Actor, ActorKind, Causation, CausationKind, CommandError, CommandMeta, Done, Executable,
    Executor, ExecutorOptions, Target, Via,
};
use ff_domain::{
    Environment, EnvironmentCommand, EnvironmentId, Flag, FlagCommand, FlagId, OrganizationId,
    Project, ProjectCommand, ProjectId, Segment, SegmentCommand, SegmentId, SegmentState, UserId,
    flag::{CreateFlag, Targeting},
};
use ff_eventlog::{EventLog, Freshness, JetStreamLog, LogOptions, MemoryLog, Recorded, StreamKey};
use serde_json::json;
use uuid::Uuid;

/// Runs each scenario on both logs.
macro_rules! on_both_logs {
    ($($scenario:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::fixture::World::new(ff_eventlog::MemoryLog::new()).await).await;
            })*
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let server = ff_testkit::nats::server().await;
                super::$scenario(crate::fixture::World::on(&server.url).await).await;
            })*
        }
    };
}
pub(crate) use on_both_logs;

/// Who founds the organization.
pub(crate) const OWNER: UserId = UserId(Uuid::from_u128(7));

/// One organization, `acme`, with one project, `shop`, and the environments `dev` and `prod`.
pub(crate) struct World<L> {
    pub(crate) log: L,
    pub(crate) executor: Executor<L>,
    pub(crate) org: OrganizationId,
    pub(crate) project: ProjectId,
}

impl World<JetStreamLog> {
    pub(crate) async fn on(url: &str) -> Self {
        Self::new(JetStreamLog::connect(LogOptions::url(url)).await.unwrap()).await
    }
}

impl World<MemoryLog> {
    pub(crate) async fn in_memory() -> Self {
        Self::new(MemoryLog::new()).await
    }
}

impl<L: EventLog> World<L> {
    pub(crate) async fn new(log: L) -> Self {
        let executor = executor(log.clone());
        let key = "acme".parse().unwrap();
        let org = OrganizationId::of(&key);
        let grant = permit(Permission::OrganizationCreate, Scope::organization(org.0));
        executor.create_organization(&grant, key, "Acme".to_owned(), OWNER, meta()).await.unwrap();
        let project = ProjectId::of(org, &"shop".parse().unwrap());
        let world = Self { log, executor, org, project };
        world.run::<Project>(project, new_project(org, "shop")).await.unwrap();
        for key in ["dev", "prod"] {
            let id = world.environment(key);
            world.run::<Environment>(id, new_environment(project, key)).await.unwrap();
        }
        world
    }

    /// The same world as another process sees it.
    pub(crate) fn elsewhere(&self) -> Self {
        self.through(self.log.clone())
    }

    /// The same world with another way to its log.
    pub(crate) fn through<M: EventLog>(&self, log: M) -> World<M> {
        World { executor: executor(log.clone()), log, org: self.org, project: self.project }
    }

    pub(crate) async fn run<A: Executable>(
        &self,
        id: A::Id,
        command: A::Command,
    ) -> Result<Done<A>, CommandError<A>> {
        self.run_as(id, command, meta()).await
    }

    pub(crate) async fn run_as<A: Executable>(
        &self,
        id: A::Id,
        command: A::Command,
        meta: CommandMeta,
    ) -> Result<Done<A>, CommandError<A>> {
        self.run_at(id, command, meta, None).await
    }

    pub(crate) async fn run_at<A: Executable>(
        &self,
        id: A::Id,
        command: A::Command,
        meta: CommandMeta,
        expected: Option<u64>,
    ) -> Result<Done<A>, CommandError<A>> {
        let grant = grant_for::<A>(&command, Scope::organization(self.org.0));
        let target = Target::new(self.org, id);
        self.executor.execute::<A>(&grant, target, command, meta, expected).await
    }

    pub(crate) fn environment(&self, key: &str) -> EnvironmentId {
        EnvironmentId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) fn flag(&self, key: &str) -> FlagId {
        FlagId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) fn segment(&self, key: &str) -> SegmentId {
        SegmentId::of(self.project, &key.parse().unwrap())
    }

    pub(crate) async fn create_flag(&self, key: &str) -> Done<Flag> {
        self.run::<Flag>(self.flag(key), new_flag(self.project, key)).await.unwrap()
    }

    pub(crate) async fn create_segment(&self, key: &str) -> Done<Segment> {
        let command = new_segment(self.project, key, &json!({}));
        self.run::<Segment>(self.segment(key), command).await.unwrap()
    }

    /// Everything in the log about one aggregate.
    pub(crate) async fn history<A: Executable>(&self, id: A::Id) -> Vec<Recorded> {
        let key = StreamKey::new(self.org.0, A::TYPE, A::uuid(id));
        self.log.history(&key, None, Freshness::Leader).await.unwrap()
    }

    pub(crate) async fn load<A: Executable>(&self, id: A::Id) -> (A, u64) {
        let (aggregate, version, _) =
            self.elsewhere().executor.load::<A>(self.org, id).await.unwrap();
        (aggregate, version)
    }
}

fn executor<L: EventLog>(log: L) -> Executor<L> {
    Executor::new(log, options())
}

/// Patient, for machines that are busy with other tests.
pub(crate) fn options() -> ExecutorOptions {
    ExecutorOptions {
        cache_bytes: NonZeroU64::new(1024 * 1024).unwrap(),
        deadline: Duration::from_secs(60),
        ..ExecutorOptions::default()
    }
}

pub(crate) fn meta() -> CommandMeta {
    let id = Uuid::new_v4();
    meta_of(id, &id.to_string())
}

pub(crate) fn meta_of(command_id: Uuid, cause: &str) -> CommandMeta {
    CommandMeta {
        command_id,
        correlation_id: command_id,
        causation: Causation { kind: CausationKind::Command, id: cause.to_owned() },
        at: "2026-01-01T12:00:00Z".parse().unwrap(),
        actor: Actor { kind: ActorKind::System, id: Uuid::nil() },
        via: Via::Api,
        comment: None,
    }
}

pub(crate) fn grant_for<A: Executable>(command: &A::Command, scope: Scope) -> Grant {
    permit(A::permission(command).unwrap_or(Permission::FlagRead), scope)
}

pub(crate) fn permit(permission: Permission, scope: Scope) -> Grant {
    SystemAuthorizer.authorize(&Principal::system(), permission, &scope).unwrap()
}

/// Decides by this policy.
pub(crate) fn authorizer(policy: OrganizationPolicy) -> CasbinAuthorizer {
    CasbinAuthorizer::new(Arc::new(Access::from_iter([policy])))
}

pub(crate) fn new_project(organization: OrganizationId, key: &str) -> ProjectCommand {
    ProjectCommand::Create {
        organization,
        key: key.parse().unwrap(),
        name: key.to_owned(),
        description: String::new(),
    }
}

pub(crate) fn new_environment(project: ProjectId, key: &str) -> EnvironmentCommand {
    EnvironmentCommand::Create {
        project,
        key: key.parse().unwrap(),
        name: key.to_owned(),
        production: key == "prod",
        salt: "0123456789abcdef0123456789abcdef".to_owned(),
    }
}

/// A boolean flag that is off, with the variations `on` and `off`.
pub(crate) fn new_flag(project: ProjectId, key: &str) -> FlagCommand {
    let new: CreateFlag = serde_json::from_value(json!({
        "project": project, "key": key, "name": key, "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false},
                       {"key": "spare", "value": true}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    }))
    .unwrap();
    FlagCommand::Create(Box::new(new))
}

pub(crate) fn new_segment(
    project: ProjectId,
    key: &str,
    members: &serde_json::Value,
) -> SegmentCommand {
    SegmentCommand::Create(SegmentState {
        project,
        key: key.parse().unwrap(),
        name: key.to_owned(),
        description: String::new(),
        tags: Default::default(),
        members: serde_json::from_value(members.clone()).unwrap(),
    })
}

pub(crate) fn turn_on(environment: &str) -> FlagCommand {
    FlagCommand::TurnOn { environment: environment.parse().unwrap() }
}

pub(crate) fn turn_off(environment: &str) -> FlagCommand {
    FlagCommand::TurnOff { environment: environment.parse().unwrap() }
}

/// Replaces targeting in `dev`; `parts` is what is not the default of such flags.
pub(crate) fn target(parts: &serde_json::Value) -> FlagCommand {
    let mut targeting = json!({"off_variation": "off", "default": {"variation": "on"}});
    for (name, value) in parts.as_object().unwrap() {
        targeting[name] = value.clone();
    }
    let targeting: Targeting = serde_json::from_value(targeting).unwrap();
    FlagCommand::ReplaceTargeting {
        environment: "dev".parse().unwrap(),
        targeting: Box::new(targeting),
    }
}

/// Waits for a variation of another flag.
pub(crate) fn require(flag: &str, variation: &str) -> FlagCommand {
    target(&json!({"prerequisites": [{"flag": flag, "variations": [variation]}]}))
}

/// Serves those in a segment something else.
pub(crate) fn for_segment(segment: &str) -> FlagCommand {
    target(&json!({"rules": [{
        "id": "r1",
        "if": {"operator": "in_segment", "value": [segment]},
        "then": {"variation": "off"},
    }]}))
}
