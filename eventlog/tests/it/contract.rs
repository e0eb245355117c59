//! What every log promises to a single honest writer and reader.

use ff_eventlog::{
    AppendError, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem,
};
use futures::StreamExt;

use crate::fixture::{Fixture, on_both_logs};
use crate::lamp::{PATIENCE, append_many, append_one, draft, key, until_caught_up};
use uuid::Uuid;

on_both_logs!(
    commits_are_chained_and_read_back_as_written,
    history_goes_on_after_a_tip,
    a_long_history_among_others_is_complete,
    a_stale_tip_is_a_conflict_and_stores_nothing,
    a_batch_is_appended_in_order,
    a_batch_is_stored_whole_or_not_at_all,
    a_thousand_aggregates_fit_in_a_batch_and_no_more,
    bad_drafts_are_refused,
    positions_rise_and_the_head_is_the_last,
    a_tail_delivers_everything_once_and_says_when_it_is_live,
    a_tail_of_some_kinds_leaves_the_others_out,
    a_tail_begins_after_a_position,
    a_tail_refuses_a_position_of_another_log,
);

async fn commits_are_chained_and_read_back_as_written<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let written = append_many(log, &key(1), 3).await;
    assert_eq!(written[0].commit.version, 1);
    assert_eq!(written[0].commit.prev, None);
    assert_eq!(written[2].commit.version, 3);
    assert_eq!(written[2].commit.prev, Some(written[1].digest));
    assert_eq!(written[0].commit.at.to_string(), "2026-11-22T20:49:31.123Z");
    for read in [Freshness::Any, Freshness::Leader] {
        assert_eq!(log.history(&key(1), None, read).await.unwrap(), written);
    }
}

async fn history_goes_on_after_a_tip<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let written = append_many(log, &key(1), 3).await;
    let after = |index: usize| written[index].tip();
    let newer = log.history(&key(1), Some(&after(0)), Freshness::Any).await.unwrap();
    assert_eq!(newer, written[1..]);
    let none = log.history(&key(1), Some(&after(2)), Freshness::Leader).await.unwrap();
    assert_eq!(none, []);
    assert_eq!(log.history(&key(2), None, Freshness::Any).await.unwrap(), []);
}

async fn a_long_history_among_others_is_complete<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let keys = [key(1), key(2)];
    let mut written: [Vec<Recorded>; 2] = [Vec::new(), Vec::new()];
    for turn in 0..600 {
        let which = usize::from(turn % 7 == 0);
        let tip = written[which].last().map(Recorded::tip);
        written[which].push(append_one(log, &keys[which], tip, turn).await.unwrap());
    }
    assert!(written[0].len() > 512, "three requests are needed");
    for (key, written) in keys.iter().zip(&written) {
        assert_eq!(log.history(key, None, Freshness::Any).await.unwrap(), *written);
    }
    // Exactly one request full, and one that asks in the middle.
    for from in [written[0].len() - 257, 100] {
        let tip = written[0][from].tip();
        let newer = log.history(&keys[0], Some(&tip), Freshness::Any).await.unwrap();
        assert_eq!(newer, written[0][from + 1..]);
    }
}

async fn a_stale_tip_is_a_conflict_and_stores_nothing<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let written = append_many(log, &key(1), 2).await;
    for stale in [None, Some(written[0].tip())] {
        let error = append_one(log, &key(1), stale, 9).await.unwrap_err();
        assert!(matches!(error, AppendError::Conflict), "{error:?}");
    }
    assert_eq!(log.history(&key(1), None, Freshness::Leader).await.unwrap(), written);
    append_one(log, &key(1), Some(written[1].tip()), 9).await.unwrap();
}

async fn a_batch_is_appended_in_order<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let first = append_many(log, &key(1), 1).await.remove(0);
    let drafts = vec![
        draft(&key(1), Some(first.tip()), 1),
        draft(&key(2), None, 2),
        draft(&key(3), None, 3),
    ];
    let written = log.append(drafts).await.unwrap();
    let sequences: Vec<_> = written.iter().map(|commit| commit.position.sequence()).collect();
    assert_eq!(sequences, [2, 3, 4]);
    assert_eq!(written[0].commit.version, 2);
    for (number, commit) in (1..).zip(&written) {
        let history = log.history(&key(number), None, Freshness::Leader).await.unwrap();
        assert_eq!(history.last(), Some(commit));
    }
    assert_eq!(log.append(vec![]).await.unwrap(), []);
}

async fn a_batch_is_stored_whole_or_not_at_all<F: Fixture>(fixture: F) {
    let log = fixture.log();
    append_many(log, &key(2), 1).await;
    let head = log.head().await.unwrap();
    // The one that is not new stands first, in the middle and last.
    for place in 0..3 {
        let mut others = [1, 3].map(|number| draft(&key(number), None, 1)).to_vec();
        others.insert(place, draft(&key(2), None, 2));
        let error = log.append(others).await.unwrap_err();
        assert!(matches!(error, AppendError::Conflict), "{place}: {error:?}");
    }
    assert_eq!(log.head().await.unwrap(), head);
    for number in [1, 3] {
        assert_eq!(log.history(&key(number), None, Freshness::Leader).await.unwrap(), []);
    }
}

async fn a_thousand_aggregates_fit_in_a_batch_and_no_more<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let mut drafts: Vec<_> = (0..1001).map(|number| draft(&key(number), None, 1)).collect();
    let error = log.append(drafts.clone()).await.unwrap_err();
    assert!(matches!(error, AppendError::TooMany { drafts: 1001, limit: 1000 }), "{error:?}");
    drafts.pop();
    let written = log.append(drafts).await.unwrap();
    assert_eq!(written.len(), 1000);
    assert_eq!(log.head().await.unwrap(), written[999].position);
}

async fn bad_drafts_are_refused<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let good = draft(&key(1), None, 1);

    let mut empty = good.clone();
    empty.events.clear();
    let error = log.append(vec![empty]).await.unwrap_err();
    assert!(matches!(error, AppendError::Empty { .. }), "{error:?}");

    let error = log.append(vec![good.clone(), good.clone()]).await.unwrap_err();
    assert!(matches!(error, AppendError::Repeated { .. }), "{error:?}");

    for kind in ["", "a.b", "*", "a b", "Lamp"] {
        let mut bad = good.clone();
        bad.stream = StreamKey::new(bad.stream.org, kind, bad.stream.id);
        let error = log.append(vec![bad]).await.unwrap_err();
        assert!(matches!(error, AppendError::BadKind { .. }), "{kind:?}: {error:?}");
    }

    let mut large = good.clone();
    large.events[0].data = serde_json::json!("x".repeat(16 << 20));
    let refused = log.append(vec![large]).await.map(drop);
    let Err(AppendError::TooLarge { bytes, limit, .. }) = refused else { panic!("{refused:?}") };
    assert!(bytes > 16 << 20 && limit < 16 << 20, "{bytes} {limit}");

    // What fits according to the limit does fit.
    let mut full = good;
    let rest = serde_json::to_vec(&append_one(log, &key(9), None, 1).await.unwrap().commit);
    full.events[0].data = serde_json::json!("x".repeat(limit - rest.unwrap().len()));
    log.append(vec![full]).await.map(drop).unwrap();
}

async fn positions_rise_and_the_head_is_the_last<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let empty = log.head().await.unwrap();
    assert_eq!(empty, Position::new(1, 0));
    let mut last = empty;
    for number in 0..20 {
        for commit in append_many(log, &key(number), 3).await {
            assert!(commit.position > last);
            last = commit.position;
        }
    }
    assert_eq!(log.head().await.unwrap(), last);
}

async fn a_tail_delivers_everything_once_and_says_when_it_is_live<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let mut tail = log.tail(Position::ZERO);
    let first = until_caught_up(&mut tail).await;
    assert!(matches!(first[..], [Ok(TailItem::CaughtUp(at))] if at == Position::new(1, 0)));

    let mut written = Vec::new();
    for number in 0..5 {
        written.extend(append_many(log, &key(number), 100).await);
    }
    let end = written.last().unwrap().position;
    let mut seen = Vec::new();
    let mut live = Position::ZERO;
    while live < end {
        match tail.next().await.unwrap().unwrap() {
            TailItem::Commit(commit) => seen.push(commit),
            TailItem::CaughtUp(position) => live = position,
        }
    }
    assert_eq!(seen, written);

    let again = until_caught_up(&mut log.tail(Position::ZERO)).await;
    assert_eq!(again.len(), written.len() + 1, "one catching up, at the end");
    let next = append_one(log, &key(99), None, 1).await.unwrap();
    let news = until_caught_up(&mut tail).await;
    let position = next.position;
    let items: Vec<_> = news.into_iter().map(Result::unwrap).collect();
    assert_eq!(items, [TailItem::Commit(next), TailItem::CaughtUp(position)]);
}

async fn a_tail_begins_after_a_position<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let written = append_many(log, &key(1), 10).await;
    for from in [0, 4, 9] {
        let items = until_caught_up(&mut log.tail(written[from].position)).await;
        let commits: Vec<_> = items
            .into_iter()
            .filter_map(|item| match item.unwrap() {
                TailItem::Commit(commit) => Some(commit),
                TailItem::CaughtUp(at) => {
                    assert_eq!(at, written[9].position);
                    None
                }
            })
            .collect();
        assert_eq!(commits, written[from + 1..]);
    }
}

async fn a_tail_of_some_kinds_leaves_the_others_out<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let of_kind = |kind: &'static str, number: u128| {
        StreamKey::new(Uuid::from_u128(1), kind, Uuid::from_u128(number))
    };
    let mut wanted = Vec::new();
    for number in 0..30 {
        append_many(log, &key(number), 2).await;
        let kind = ["socket", "switch"][usize::from(number % 2 == 0)];
        wanted.extend(append_many(log, &of_kind(kind, number), 1).await);
    }
    append_many(log, &key(99), 3).await;
    let mut tail = log.tail_of(Position::ZERO, &["socket", "switch"]);
    let mut seen = Vec::new();
    while seen.len() < wanted.len() {
        if let TailItem::Commit(commit) = tail.next().await.unwrap().unwrap() {
            seen.push(commit);
        }
    }
    assert_eq!(seen, wanted);
    let next = append_one(log, &of_kind("switch", 100), None, 1).await.unwrap();
    append_one(log, &key(100), None, 1).await.unwrap();
    let after = loop {
        if let TailItem::Commit(commit) = tail.next().await.unwrap().unwrap() {
            break commit;
        }
    };
    assert_eq!(after, next);
    let mut alone = log.tail_of(next.position, &["socket"]);
    let word = tokio::time::timeout(PATIENCE, alone.next()).await.expect("it is heard of");
    assert!(matches!(word, Some(Ok(TailItem::CaughtUp(_)))), "{word:?}");
}

async fn a_tail_refuses_a_position_of_another_log<F: Fixture>(fixture: F) {
    let log = fixture.log();
    append_many(log, &key(1), 2).await;
    let foreign = until_caught_up(&mut log.tail(Position::new(2, 1))).await;
    assert!(matches!(foreign[..], [Err(LogError::ForeignEpoch { epoch: 1, .. })]), "{foreign:?}");
    let ahead = until_caught_up(&mut log.tail(Position::new(1, 3))).await;
    assert!(matches!(ahead[..], [Err(LogError::AheadOfLog { .. })]), "{ahead:?}");
}
