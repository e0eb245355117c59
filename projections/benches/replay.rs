//! How fast a rebuild is: synthetic commits into every Postgres projection at once, beside a plain `UNNEST` of the same
//! commits into one table.
//!
//! `FF_BENCH_COMMITS` says how many (100,000 if absent). The commits are made as they are read, so that the log itself
//! takes no memory.

use std::{collections::BTreeSet, time::Instant};

use async_stream::stream;
use cqrs_es::Aggregate as _;
use ff_domain::{
    EnvironmentKey, Flag, FlagEvent, FlagId, FlagKey, ProjectId,
    flag::{CreateFlag, Initial, Lifetime, Targeting},
};
use ff_evaluator::{Outcome, ValueType, Variation};
use ff_eventlog::{
    Actor, ActorKind, AggregateRef, AppendError, Causation, CausationKind, Commit, Digest, Draft,
    EventLog, Freshness, LogError, Position, Recorded, SCHEMA, StreamKey, TailItem, Tip, Via,
    encode,
};
use ff_projections::{ProjectionName, migrate::migrate_up, replay};
use futures::{StreamExt as _, stream::BoxStream};
use serde_json::json;
use uuid::Uuid;

/// A log that makes its commits when they are read: each flag is created, then changed in turn with all the others.
#[derive(Clone)]
struct Synthetic {
    commits: u64,
    flags: u64,
}

impl Synthetic {
    fn commit(&self, number: u64, last: &mut [Option<Digest>]) -> Recorded {
        let index = number % self.flags;
        let version = number / self.flags + 1;
        let project = ProjectId(Uuid::from_u128(u128::from(index / 100) + 1));
        let key = FlagKey::parse(format!("flag-{index}")).expect("it is a key");
        let id = FlagId::of(project, &key).0;
        let slot = usize::try_from(index).expect("there are few flags");
        let commit = Commit {
            schema: SCHEMA,
            command_id: Uuid::from_u128(u128::from(number) << 64),
            correlation_id: Uuid::from_u128(u128::from(number) << 64 | 1),
            causation: Causation { kind: CausationKind::Command, id: hex::encode([7; 32]) },
            org: Uuid::from_u128(u128::from(index / 1000) + 1),
            aggregate: AggregateRef { kind: Flag::TYPE.to_owned(), id },
            version,
            prev: last[slot],
            at: jiff::Timestamp::from_millisecond(1_790_000_000_000 + number.cast_signed())
                .expect("it is in this century"),
            actor: Actor { kind: ActorKind::User, id: Uuid::from_u128(u128::from(index % 50)) },
            via: Via::Ui,
            comment: number.is_multiple_of(4).then(|| "rolled out a little further".to_owned()),
            events: vec![encode(&event(project, key, version)).expect("events can be encoded")],
        };
        let bytes = serde_json::to_vec(&commit).expect("commits can be written");
        let digest = Digest::of(&bytes);
        last[slot] = Some(digest);
        Recorded { position: Position::new(1, number + 1), commit, digest, bytes: bytes.into() }
    }

    fn all(&self) -> impl Iterator<Item = Recorded> {
        let mut last = vec![None; usize::try_from(self.flags).expect("there are few flags")];
        (0..self.commits).map(move |number| self.commit(number, &mut last))
    }
}

fn event(project: ProjectId, key: FlagKey, version: u64) -> FlagEvent {
    let environment = EnvironmentKey::parse(match version % 3 {
        0 => "production",
        1 => "staging",
        _ => "test",
    })
    .expect("it is a key");
    let variation =
        |key: &str, value: bool| Variation { key: key.to_owned(), name: None, value: value.into() };
    match version {
        1 => FlagEvent::Created(Box::new(CreateFlag {
            project,
            name: format!("The flag {key}"),
            key,
            description: "Shows the new checkout to some of the people who use the shop".to_owned(),
            kind: ValueType::Boolean,
            lifetime: Lifetime::Temporary,
            owner: None,
            tags: BTreeSet::from(["checkout".to_owned(), "web".to_owned()]),
            client_side: false,
            variations: vec![variation("on", true), variation("off", false)],
            initial: Initial {
                off_variation: "off".to_owned(),
                default_variation: "on".to_owned(),
            },
        })),
        version if version % 3 == 0 => FlagEvent::TurnedOn { environment },
        version if version % 3 == 1 => {
            let rules = json!([{
                "id": "beta", "name": "beta users in the US",
                "if": {"and": [
                    {"attribute": "plan", "operator": "in", "value": ["pro", "team", "beta"]},
                    {"attribute": "country", "operator": "eq", "value": "US"},
                ]},
                "then": {"rollout": {"variations": [
                    {"key": "on", "weight": version % 100},
                    {"key": "off", "weight": 100 - version % 100},
                ]}},
            }]);
            FlagEvent::TargetingReplaced {
                environment,
                targeting: Box::new(Targeting {
                    off_variation: "off".to_owned(),
                    prerequisites: Vec::new(),
                    targets: Vec::new(),
                    rules: serde_json::from_value(rules).expect("they are rules"),
                    default: Outcome::Variation("off".to_owned()),
                    salt: None,
                }),
            }
        }
        version => FlagEvent::Renamed { name: format!("The flag {key}, edition {version}") },
    }
}

impl EventLog for Synthetic {
    async fn history(
        &self,
        _: &StreamKey,
        _: Option<&Tip>,
        _: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        Ok(Vec::new())
    }

    async fn append(&self, _: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        Err(AppendError::Conflict)
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        let log = self.clone();
        stream! {
            for commit in log.all().filter(|commit| commit.position > after) {
                yield Ok(TailItem::Commit(commit));
            }
            yield Ok(TailItem::CaughtUp(Position::new(1, log.commits)));
            std::future::pending::<()>().await;
        }
        .boxed()
    }

    async fn head(&self) -> Result<Position, LogError> {
        Ok(Position::new(1, self.commits))
    }
}

/// Writes the commits, and nothing else, a thousand at a time.
async fn plain(log: &Synthetic, pool: &sqlx::PgPool) {
    sqlx::query("CREATE TABLE plain (position bigint PRIMARY KEY, id uuid, commit text)")
        .execute(pool)
        .await
        .expect("the table can be made");
    let mut commits = log.all().peekable();
    while commits.peek().is_some() {
        let (mut positions, mut ids, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for commit in commits.by_ref().take(1000) {
            positions.push(commit.position.as_i64());
            ids.push(commit.commit.aggregate.id);
            texts.push(String::from_utf8(commit.bytes.to_vec()).expect("JSON is UTF-8"));
        }
        sqlx::query("INSERT INTO plain SELECT * FROM UNNEST($1::bigint[], $2::uuid[], $3::text[])")
            .bind(positions)
            .bind(ids)
            .bind(texts)
            .execute(pool)
            .await
            .expect("the rows can be written");
    }
}

/// The most memory this process has had, in MiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

#[tokio::main]
#[allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "it tells people rates")]
async fn main() {
    let commits = std::env::var("FF_BENCH_COMMITS").ok().and_then(|text| text.parse().ok());
    let commits: u64 = commits.unwrap_or(100_000);
    let log = Synthetic { commits, flags: (commits / 100).clamp(1, 10_000) };
    let database = ff_testkit::postgres::database().await;
    migrate_up(&database.pool).await.expect("the database can be migrated");

    let began = Instant::now();
    plain(&log, &database.pool).await;
    let reference = commits as f64 / began.elapsed().as_secs_f64();
    println!("plain UNNEST into one table: {reference:.0} commits/s");

    let began = Instant::now();
    let rebuild = |name| replay(&log, &database.pool, name, |_| {});
    let (catalog, audit, archive) = tokio::join!(
        rebuild(ProjectionName::Catalog),
        rebuild(ProjectionName::Audit),
        rebuild(ProjectionName::Archive),
    );
    let took = began.elapsed().as_secs_f64();
    for report in [catalog, audit, archive] {
        let report = report.expect("the projection can be rebuilt");
        assert_eq!((report.commits, report.parked), (commits, 0));
        let rate = commits as f64 / report.took.as_secs_f64();
        println!(
            "{}: {rate:.0} commits/s, {:.2} of plain ({:.1} s)",
            report.projection,
            rate / reference,
            report.took.as_secs_f64()
        );
    }
    let rate = commits as f64 / took;
    println!(
        "all at once: {commits} commits in {took:.1} s, {rate:.0} commits/s, {:.2} of plain",
        rate / reference
    );
    if let Some(memory) = peak_memory() {
        println!("peak memory: {memory} MiB");
    }
}
