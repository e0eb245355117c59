//! A database, a log to write to, and things to write.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use cqrs_es::Aggregate;
use ff_domain::{
    Environment, EnvironmentEvent, EnvironmentKey, EnvironmentState, Flag, FlagEvent, FlagId,
    FlagKey, Membership, MembershipEvent, MembershipId, Organization, OrganizationEvent,
    OrganizationId, OrganizationKey, Project, ProjectEvent, ProjectId, ProjectKey, UserId,
    flag::{CreateFlag, Initial, Lifetime},
};
use ff_evaluator::{ValueType, Variation};
use ff_eventlog::{
    Actor, ActorKind, Causation, CausationKind, CommitMeta, Draft, EventLog, EventRecord,
    MemoryLog, Position, StreamKey, Tip, Via, encode,
};
use ff_projections::{ProjectionName, Projector, ProjectorOptions, Queries, migrate::migrate_up};
use ff_testkit::postgres::TestDatabase;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Long enough for anything that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Who writes in these tests.
pub(crate) const SOMEONE: UserId = UserId(Uuid::from_u128(0xabc));

pub(crate) fn organization() -> OrganizationId {
    OrganizationId::of(&OrganizationKey::parse("acme").unwrap())
}

pub(crate) fn project() -> ProjectId {
    ProjectId::of(organization(), &ProjectKey::parse("web").unwrap())
}

pub(crate) fn environment(key: &str) -> EnvironmentKey {
    EnvironmentKey::parse(key).unwrap()
}

pub(crate) fn flag_id(key: &str) -> FlagId {
    FlagId::of(project(), &FlagKey::parse(key).unwrap())
}

/// A boolean flag that was made just now.
pub(crate) fn new_flag(key: &str) -> CreateFlag {
    let variation =
        |key: &str, value: bool| Variation { key: key.to_owned(), name: None, value: value.into() };
    CreateFlag {
        project: project(),
        key: FlagKey::parse(key).unwrap(),
        name: format!("The {key}"),
        description: String::new(),
        kind: ValueType::Boolean,
        lifetime: Lifetime::Temporary,
        owner: None,
        tags: BTreeSet::new(),
        client_side: false,
        variations: vec![variation("on", true), variation("off", false)],
        initial: Initial { off_variation: "off".to_owned(), default_variation: "on".to_owned() },
    }
}

pub(crate) fn renamed(name: impl Into<String>) -> FlagEvent {
    FlagEvent::Renamed { name: name.into() }
}

/// A migrated database and a log.
pub(crate) struct World<L = MemoryLog> {
    pub(crate) database: TestDatabase,
    pub(crate) log: L,
    pub(crate) queries: Queries,
    pub(crate) last: Position,
    tips: HashMap<StreamKey, Tip>,
    commands: u32,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(MemoryLog::new()).await
    }
}

impl<L: EventLog> World<L> {
    pub(crate) async fn with(log: L) -> Self {
        let database = ff_testkit::postgres::database().await;
        migrate_up(&database.pool).await.unwrap();
        let queries = Queries::new(database.pool.clone());
        let tips = HashMap::new();
        Self { database, log, queries, last: Position::ZERO, tips, commands: 0 }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    /// Appends one commit.
    pub(crate) async fn write<A: Aggregate>(&mut self, id: Uuid, events: &[A::Event]) -> Position {
        let events = events.iter().map(|event| encode(event).unwrap()).collect();
        self.write_records(A::TYPE, id, events).await
    }

    pub(crate) async fn write_records(
        &mut self,
        kind: &'static str,
        id: Uuid,
        events: Vec<EventRecord>,
    ) -> Position {
        self.commands += 1;
        let stream = StreamKey::new(organization().0, kind, id);
        let meta = CommitMeta {
            command_id: Uuid::from_u128(self.commands.into()),
            correlation_id: Uuid::from_u128(self.commands.into()),
            causation: Causation { kind: CausationKind::Command, id: "test".to_owned() },
            at: at(self.commands),
            actor: Actor { kind: ActorKind::User, id: SOMEONE.0 },
            via: Via::Api,
            comment: self.commands.is_multiple_of(2).then(|| format!("why {}", self.commands)),
        };
        let tip = self.tips.get(&stream).copied();
        let draft = Draft { stream: stream.clone(), tip, meta, events };
        let recorded = self.log.append(vec![draft]).await.unwrap().remove(0);
        self.tips.insert(stream, recorded.tip());
        self.last = recorded.position;
        recorded.position
    }

    /// An organization with a member, a project and two environments.
    pub(crate) async fn found(&mut self) {
        let organization = organization();
        let key = OrganizationKey::parse("acme").unwrap();
        let created = OrganizationEvent::Created { key, name: "Acme".to_owned() };
        self.write::<Organization>(organization.0, &[created]).await;
        let role = Some("owner".parse().unwrap());
        let granted = MembershipEvent::Granted { organization, user: SOMEONE, role };
        self.write::<Membership>(MembershipId::of(organization, SOMEONE).0, &[granted]).await;
        let created = ProjectEvent::Created {
            organization,
            key: ProjectKey::parse("web").unwrap(),
            name: "Web".to_owned(),
            description: "The shop".to_owned(),
        };
        self.write::<Project>(project().0, &[created]).await;
        for key in ["production", "staging"] {
            let state = EnvironmentState {
                project: project(),
                key: environment(key),
                name: key.to_owned(),
                production: key == "production",
                salt: "0".repeat(32),
            };
            let id = state.id().0;
            self.write::<Environment>(id, &[EnvironmentEvent::Created(state)]).await;
        }
    }

    pub(crate) async fn create_flag(&mut self, flag: CreateFlag) -> Position {
        let id = FlagId::of(flag.project, &flag.key);
        self.write::<Flag>(id.0, &[FlagEvent::Created(Box::new(flag))]).await
    }

    pub(crate) async fn change_flag(&mut self, key: &str, event: FlagEvent) -> Position {
        self.write::<Flag>(flag_id(key).0, &[event]).await
    }

    /// Runs a projector until it is stopped.
    pub(crate) fn project(&self) -> Running {
        self.project_with(ProjectorOptions::default())
    }

    pub(crate) fn project_with(&self, options: ProjectorOptions) -> Running {
        let stop = CancellationToken::new();
        let run = Projector::run(self.log.clone(), self.pool().clone(), options, stop.clone());
        Running { stop, task: tokio::spawn(run) }
    }

    /// Waits until all projections have everything.
    pub(crate) async fn caught_up(&self) {
        for name in ProjectionName::ALL {
            self.reached(name, self.last).await;
        }
    }

    pub(crate) async fn reached(&self, name: ProjectionName, position: Position) {
        ff_testkit::eventually(SOON, || {
            self.queries.wait_for_projection(name, position, Duration::from_millis(500))
        })
        .await;
    }

    /// Every row of every table of a generation, in an order of their own.
    pub(crate) async fn dump(&self, name: ProjectionName, generation: i32) -> String {
        let schema = format!("read_{name}_{generation}");
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1 \
             ORDER BY table_name",
        )
        .bind(&schema)
        .fetch_all(self.pool())
        .await
        .unwrap();
        assert!(!tables.is_empty(), "{schema} has tables");
        let mut dump = String::new();
        for table in tables {
            let sql = format!(
                "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '') \
                 FROM {schema}.{table} t"
            );
            let rows: String = sqlx::query_scalar(&sql).fetch_one(self.pool()).await.unwrap();
            dump = format!("{dump}{table}\n{rows}\n");
        }
        dump
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(&sql).fetch_one(self.pool()).await.unwrap()
    }

    /// Runs a statement as someone who should not.
    pub(crate) async fn tamper(&self, sql: &str) {
        let done = sqlx::query(sql).execute(self.pool()).await.unwrap();
        assert!(done.rows_affected() > 0 || sql.starts_with("ALTER"), "{sql} changes something");
    }
}

/// The time of the nth command.
pub(crate) fn at(command: u32) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(1_790_000_000_000 + i64::from(command) * 1000).unwrap()
}

/// A projector at work.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Asks it to stop, and waits.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Ends it wherever it is.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
