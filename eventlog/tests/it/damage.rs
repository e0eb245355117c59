//! A damaged log is found: at load, on the tail and by the walk over everything.

use ff_eventlog::{
    Commit, Defect, Digest, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem,
    verify,
};

use crate::fixture::{Fixture, on_both_logs};
use crate::lamp::{append_many, key, until_caught_up};

on_both_logs!(
    a_gap_is_found_at_load,
    an_altered_commit_is_found_at_load,
    damage_after_a_known_tip_is_found,
    a_misplaced_commit_is_found,
    bytes_that_are_no_commit_are_found,
    a_sound_log_verifies,
    verify_reports_every_defect_once_with_its_position,
);

/// The commit that would follow `last`.
fn next(last: &Recorded) -> Commit {
    let mut commit = last.commit.clone();
    commit.version += 1;
    commit.prev = Some(last.digest);
    commit
}

async fn write<F: Fixture>(fixture: &F, key: &StreamKey, commit: &Commit) {
    fixture.write_raw(key, serde_json::to_vec(commit).unwrap()).await;
}

async fn load<F: Fixture>(fixture: &F) -> Defect {
    match fixture.log().history(&key(1), None, Freshness::Leader).await {
        Err(LogError::Damaged(defect)) => defect,
        other => panic!("{other:?}"),
    }
}

async fn a_gap_is_found_at_load<F: Fixture>(fixture: F) {
    let written = append_many(fixture.log(), &key(1), 2).await;
    let mut commit = next(&written[1]);
    commit.version = 4;
    write(&fixture, &key(1), &commit).await;
    let defect = load(&fixture).await;
    let Defect::Gap { position, expected: 3, found: 4, .. } = defect else { panic!("{defect:?}") };
    assert_eq!(position, Position::new(1, 3));
}

async fn an_altered_commit_is_found_at_load<F: Fixture>(fixture: F) {
    let written = append_many(fixture.log(), &key(1), 2).await;
    let mut commit = next(&written[1]);
    commit.prev = Some(Digest::of(b"what was there before someone changed it"));
    write(&fixture, &key(1), &commit).await;
    let defect = load(&fixture).await;
    let Defect::Altered { position, version: 2, link, .. } = defect else { panic!("{defect:?}") };
    assert_eq!(position, Position::new(1, 3));
    assert_eq!((link.recorded, link.found), (commit.prev, Some(written[1].digest)));
}

async fn damage_after_a_known_tip_is_found<F: Fixture>(fixture: F) {
    let written = append_many(fixture.log(), &key(1), 2).await;
    let mut tip = written[0].tip();
    tip.digest = Digest::of(b"another commit than the one in the log");
    let error = fixture.log().history(&key(1), Some(&tip), Freshness::Any).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged(Defect::Altered { version: 1, .. })), "{error:?}");
}

async fn a_misplaced_commit_is_found<F: Fixture>(fixture: F) {
    let other = append_many(fixture.log(), &key(2), 1).await;
    write(&fixture, &key(1), &other[0].commit).await;
    let defect = load(&fixture).await;
    assert!(matches!(&defect, Defect::Misplaced { stream, .. } if *stream == key(2)), "{defect:?}");
}

async fn bytes_that_are_no_commit_are_found<F: Fixture>(fixture: F) {
    fixture.write_raw(&key(1), b"{\"schema\":1}".to_vec()).await;
    let defect = load(&fixture).await;
    assert!(matches!(defect, Defect::Malformed { .. }), "{defect:?}");

    let good = append_many(fixture.log(), &key(2), 1).await;
    let items = until_caught_up(&mut fixture.log().tail(Position::ZERO)).await;
    assert_eq!(items.len(), 3, "the tail goes on after the damage: {items:?}");
    assert!(matches!(items[0], Err(LogError::Damaged(Defect::Malformed { .. }))));
    assert_eq!(*items[1].as_ref().unwrap(), TailItem::Commit(good[0].clone()));
}

async fn a_sound_log_verifies<F: Fixture>(fixture: F) {
    let log = fixture.log();
    for number in 0..3 {
        append_many(log, &key(number), 400).await;
    }
    let mut told = Vec::new();
    let report = verify(log, |progress| told.push(progress)).await.unwrap();
    assert!(report.is_sound());
    assert_eq!((report.commits, report.aggregates), (1200, 3));
    assert_eq!(report.head, log.head().await.unwrap());
    let positions: Vec<_> = told.iter().map(|step| step.position.sequence()).collect();
    assert_eq!(positions, [1000, 1200]);
}

async fn verify_reports_every_defect_once_with_its_position<F: Fixture>(fixture: F) {
    let written = append_many(fixture.log(), &key(1), 1).await;
    let mut gap = next(&written[0]);
    gap.version = 5;
    write(&fixture, &key(1), &gap).await;
    let mut sound = gap.clone();
    sound.version = 6;
    sound.prev = Some(Digest::of(&serde_json::to_vec(&gap).unwrap()));
    write(&fixture, &key(1), &sound).await;
    let mut altered = sound.clone();
    altered.version = 7;
    altered.prev = None;
    write(&fixture, &key(1), &altered).await;
    fixture.write_raw(&key(2), b"[]".to_vec()).await;

    let report = verify(fixture.log(), |_| {}).await.unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| finding.position.sequence()).collect();
    assert_eq!(found, [2, 4, 5]);
    assert!(matches!(report.findings[0].defect, Defect::Gap { expected: 2, found: 5, .. }));
    assert!(matches!(report.findings[1].defect, Defect::Altered { version: 6, .. }));
    assert!(matches!(report.findings[2].defect, Defect::Malformed { .. }));
    assert_eq!((report.commits, report.aggregates), (5, 1));
}
