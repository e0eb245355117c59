//! Many writers at once.

use std::collections::HashSet;

use ff_eventlog::{AppendError, EventLog, Freshness};
use futures::future::join_all;
use tokio::spawn;
use uuid::Uuid;

use crate::fixture::{Fixture, on_both_logs};
use crate::lamp::{append_one, draft, execute, key};

on_both_logs!(
    a_hundred_writers_on_one_aggregate_lose_nothing,
    a_command_sent_fifty_times_makes_one_commit,
    of_two_creators_one_wins,
    overlapping_batches_never_interleave,
);

async fn a_hundred_writers_on_one_aggregate_lose_nothing<F: Fixture>(fixture: F) {
    let writers = (0..100).map(|percent| {
        let log = fixture.log().clone();
        spawn(async move { execute(&log, &key(1), Uuid::new_v4(), percent).await })
    });
    let written = join_all(writers).await;
    let commands: HashSet<_> =
        written.into_iter().map(|commit| commit.unwrap().commit.command_id).collect();
    assert_eq!(commands.len(), 100);
    let history = fixture.log().history(&key(1), None, Freshness::Leader).await.unwrap();
    assert_eq!(history.len(), 100);
    assert_eq!(
        history.iter().map(|commit| commit.commit.command_id).collect::<HashSet<_>>(),
        commands
    );
}

async fn a_command_sent_fifty_times_makes_one_commit<F: Fixture>(fixture: F) {
    let command = Uuid::new_v4();
    let senders = (0..50).map(|_| {
        let log = fixture.log().clone();
        spawn(async move { execute(&log, &key(1), command, 1).await })
    });
    let answers: HashSet<_> =
        join_all(senders).await.into_iter().map(|commit| commit.unwrap().position).collect();
    assert_eq!(answers.len(), 1, "every sender gets the same answer");
    let history = fixture.log().history(&key(1), None, Freshness::Leader).await.unwrap();
    assert_eq!(history.len(), 1);
}

async fn of_two_creators_one_wins<F: Fixture>(fixture: F) {
    for number in 0..20 {
        let creators = (0..2).map(|percent| {
            let log = fixture.log().clone();
            spawn(async move { append_one(&log, &key(number), None, percent).await })
        });
        let results: Vec<_> =
            join_all(creators).await.into_iter().map(|result| result.unwrap()).collect();
        let won = results.iter().filter(|result| result.is_ok()).count();
        let lost =
            results.iter().filter(|result| matches!(result, Err(AppendError::Conflict))).count();
        assert_eq!((won, lost), (1, 1), "{results:?}");
    }
}

async fn overlapping_batches_never_interleave<F: Fixture>(fixture: F) {
    let writers = (0..10).map(|percent| {
        let log = fixture.log().clone();
        spawn(async move {
            loop {
                let mut drafts = Vec::new();
                // In opposite orders, as two people would promote the same flags.
                let numbers: [u128; 3] = if percent % 2 == 0 { [1, 2, 3] } else { [3, 2, 1] };
                for number in numbers {
                    let history = log.history(&key(number), None, Freshness::Any).await.unwrap();
                    let tip = history.last().map(|commit| commit.tip());
                    drafts.push(draft(&key(number), tip, percent));
                }
                match log.append(drafts).await {
                    Ok(_) => return,
                    Err(AppendError::Conflict | AppendError::Unavailable { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let mut orders = HashSet::new();
    for number in 1..=3 {
        let history = fixture.log().history(&key(number), None, Freshness::Leader).await.unwrap();
        let order: Vec<_> =
            history.iter().map(|commit| commit.commit.events[0].data.to_string()).collect();
        assert_eq!(order.len(), 10);
        orders.insert(order);
    }
    assert_eq!(orders.len(), 1, "all aggregates saw the changes in one order");
}
