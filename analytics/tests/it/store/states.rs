//! Small worlds that one can compute in one's head.

use ff_analytics::plan::{Cap, ExperimentPlan};
use jiff::Timestamp;
use uuid::Uuid;

use super::events::{self, Event, What, minute};
use super::server::Server;

fn exposure(id: u128, user: &str, variation: &str, minutes: i64, position: u64) -> Event {
    let rule = format!("{}:2", events::EXPERIMENT);
    let attributes = vec![("country".to_owned(), format!("at {minutes}"))];
    let what = What::Exposure { variation: variation.to_owned(), rule, attributes };
    event(id, user, minutes, position, what)
}

fn purchase(id: u128, user: &str, value: f64, minutes: i64, position: u64) -> Event {
    event(id, user, minutes, position, What::Metric { name: "b".to_owned(), value })
}

fn event(id: u128, user: &str, minutes: i64, position: u64, what: What) -> Event {
    Event {
        id: Uuid::from_u128(id),
        at: minute(minutes),
        received: minute(i64::try_from(position).unwrap()),
        position,
        user: user.to_owned(),
        instance: Uuid::from_u128(9),
        what,
    }
}

/// Only the sum of `b`, cut at 100, with its covariate.
fn plan() -> ExperimentPlan {
    let mut plan = events::plan(Uuid::from_u128(1));
    plan.metrics = vec![plan.metrics.remove(1)];
    plan.metrics[0].metric.cap = Some(Cap::Value { value: 100.0 });
    plan.analysis.breakdowns = vec!["country".to_owned()];
    plan
}

async fn means(server: &Server, events: &[Event]) -> Vec<(u64, f64, f64)> {
    let position = events.iter().map(|event| event.position).max().unwrap();
    server.write(Uuid::from_u128(1), events, position).await;
    server.store.refresh(&plan()).await.unwrap();
    let figures = server.store.latest(&plan()).await.unwrap().unwrap();
    let whole = &figures.newest().unwrap().metrics[0].whole;
    let of = |arm: &ff_analytics::figures::ArmFigures| {
        arm.sums().map_or((0, 0.0, 0.0), |sums| (sums.users, sums.mean(0), sums.mean(2)))
    };
    whole.iter().map(of).collect()
}

#[tokio::test]
async fn late_and_repeated_events_come_out_right() {
    let server = Server::start().await;
    let nobody = (0, 0.0, 0.0);
    let first = [
        exposure(1, "ann", "control", 30, 1),
        purchase(2, "ann", 10.0, 20, 1),
        purchase(3, "ann", 500.0, 40, 1),
        exposure(4, "bob", "control", 30, 1),
    ];
    // Ten before the exposure are her covariate; 500 are cut at 100; bob has nothing.
    assert_eq!(means(&server, &first).await, [(2, 50.0, 5.0), nobody, nobody]);
    // A copy changes nothing; an exposure that happened earlier but comes later moves the ten to the other side.
    let second = [purchase(3, "ann", 500.0, 40, 2), exposure(5, "ann", "control", 10, 2)];
    assert_eq!(means(&server, &second).await, [(2, 50.0, 0.0), nobody, nobody]);
    // Events without an exposure wait for one.
    let third = [purchase(6, "cid", 7.5, 50, 3), purchase(7, "bob", 1.0, 5, 3)];
    assert_eq!(means(&server, &third).await, [(2, 50.0, 0.5), nobody, nobody]);
    let fourth = [exposure(8, "cid", "red", 45, 4)];
    assert_eq!(means(&server, &fourth).await, [(2, 50.0, 0.5), (1, 7.5, 0.0), nobody]);
    // Who is seen in a second variation is left out, with everything they had.
    let fifth = [exposure(9, "ann", "blue", 55, 5), exposure(10, "dan", "retired", 5, 5)];
    assert_eq!(means(&server, &fifth).await, [(1, 0.0, 1.0), (1, 7.5, 0.0), nobody]);
    let figures = server.store.latest(&plan()).await.unwrap().unwrap();
    let exposures = &figures.exposures;
    assert_eq!((exposures.several, exposures.foreign, exposures.events), (1, 1, 6));
    assert_eq!(exposures.users, [1, 1, 0]);
}

#[tokio::test]
async fn senders_are_counted_from_end_to_end() {
    let server = Server::start().await;
    let position = 3;
    server.write(Uuid::from_u128(1), &[exposure(1, "ann", "red", 1, position)], position).await;
    let figures = server.store.from_raw(&plan(), position).await.unwrap();
    assert_eq!((figures.exposures.sent, figures.exposures.accepted), (None, None));
    // Two processes: the first one says it has made 10 and then 12, of which 9 were taken.
    for (instance, position, sent, accepted) in
        [(9, 1, 10, 5), (9, 2, 12, 4), (8, 3, 2, 2), (8, 4, 99, 9)]
    {
        server
            .run(&format!(
                "INSERT INTO events_sender SELECT toUUID('{}'), toUUID('{}'), 'it\\'s a test??', \
                 now64(3), {position}, {sent}, {accepted}",
                Uuid::from_u128(1),
                Uuid::from_u128(instance),
            ))
            .await;
    }
    server.store.refresh(&plan()).await.unwrap();
    let exposures = server.store.latest(&plan()).await.unwrap().unwrap().exposures;
    assert_eq!((exposures.sent, exposures.accepted), (Some(14), Some(11)));
    assert_eq!(exposures.stored, 1);
}

#[tokio::test]
async fn what_is_written_is_known_and_empty_tables_are_empty() {
    let server = Server::start().await;
    let written = server.store.written().await.unwrap();
    assert_eq!((written.position, written.at), (0, Timestamp::UNIX_EPOCH));
    assert!(server.store.latest(&plan()).await.unwrap().is_none());
    let mut draft = plan();
    draft.iterations.clear();
    assert!(server.store.latest(&draft).await.unwrap().is_none());
    assert_eq!(server.store.refresh(&draft).await.unwrap().affected_users, 0);
    assert!(matches!(
        server.store.as_of(&draft, 1).await,
        Err(ff_analytics::store::StoreError::NotStarted)
    ));
    server.progress(7, minute(3)).await;
    let written = server.store.written().await.unwrap();
    assert_eq!((written.position, written.at), (7, minute(3)));
    let report = server.store.refresh(&plan()).await.unwrap();
    assert_eq!((report.from, report.to), (0, 7));
    let figures = server.store.latest(&plan()).await.unwrap().unwrap();
    assert_eq!((figures.exposures.users, figures.points.len()), (vec![0, 0, 0], 1));
}

#[tokio::test]
async fn an_unreachable_clickhouse_is_told_from_a_wrong_answer() {
    let server = Server::start().await;
    server.run("DROP TABLE experiments_snapshot").await;
    let error = server.store.latest(&plan()).await.unwrap_err();
    assert!(!error.is_unreachable(), "{error:?}");
    let port = ff_testkit::ports::free_port();
    let nobody = clickhouse::Client::default().with_url(format!("http://127.0.0.1:{port}"));
    let error = ff_analytics::store::Store::new(nobody).written().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}
