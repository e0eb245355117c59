//! Out of one log and into another.

use ff_eventlog::{
    EventLog, Freshness, ImportError, JetStreamLog, LogError, LogOptions, MemoryLog, Position,
    export, import, verify,
};

use crate::lamp::{append_many, append_one, key};

async fn exported(log: &impl EventLog, after: Position) -> Vec<u8> {
    let mut file = Vec::new();
    export(log, &mut file, after).await.unwrap();
    file
}

/// A log of 600 commits on two aggregates.
async fn source() -> MemoryLog {
    let log = MemoryLog::new();
    append_many(&log, &key(1), 300).await;
    append_many(&log, &key(2), 300).await;
    log
}

#[tokio::test]
async fn an_import_keeps_every_byte_and_starts_a_new_epoch() {
    let source = source().await;
    let file = exported(&source, Position::ZERO).await;
    let server = ff_testkit::nats::server().await;
    let options = LogOptions::url(&server.url);
    let report = import(&options, file.as_slice()).await.unwrap();
    assert_eq!((report.commits, report.aggregates), (600, 2));
    assert_eq!(report.head, Position::new(2, 600));

    let log = JetStreamLog::connect(options.clone()).await.unwrap();
    assert_eq!(log.epoch(), 2);
    for number in [1, 2] {
        let there = source.history(&key(number), None, Freshness::Leader).await.unwrap();
        let here = log.history(&key(number), None, Freshness::Leader).await.unwrap();
        assert_eq!(here.len(), 300);
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(here.bytes, there.bytes);
            assert_eq!(here.position.sequence(), there.position.sequence());
            assert!(here.position > there.position, "no position is given out twice");
        }
        append_one(&log, &key(number), here.last().map(|last| last.tip()), 1).await.unwrap();
    }
    assert!(verify(&log, |_| {}).await.unwrap().is_sound());

    let again = import(&options, file.as_slice()).await.unwrap_err();
    assert!(matches!(again, ImportError::NotEmpty { messages: 602 }), "{again:?}");
}

#[tokio::test]
async fn later_exports_follow_earlier_ones() {
    let source = source().await;
    let mut file = exported(&source, Position::ZERO).await;
    let middle = source.head().await.unwrap();
    append_many(&source, &key(3), 5).await;
    file.extend(exported(&source, middle).await);
    let server = ff_testkit::nats::server().await;
    let options = LogOptions::url(&server.url);
    // An empty stream that a service made when it started is taken over.
    JetStreamLog::connect(options.clone()).await.unwrap();
    let report = import(&options, file.as_slice()).await.unwrap();
    assert_eq!(report.commits, 605);
    assert_eq!(JetStreamLog::connect(options).await.unwrap().epoch(), 2);
}

#[tokio::test]
async fn a_second_restore_takes_an_epoch_of_its_own() {
    let file = exported(&source().await, Position::ZERO).await;
    let server = ff_testkit::nats::server().await;
    let mut options = LogOptions::url(&server.url);
    options.epoch = Some(1);
    let used = import(&options, file.as_slice()).await.unwrap_err();
    assert!(matches!(used, ImportError::EpochUsed { epoch: 1, used: 1 }), "{used:?}");
    options.epoch = Some(3);
    let report = import(&options, file.as_slice()).await.unwrap();
    assert_eq!(report.head, Position::new(3, 600));
}

#[tokio::test]
async fn a_bad_file_leaves_a_stream_that_no_one_opens() {
    let text = String::from_utf8(exported(&source().await, Position::ZERO).await).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let with = |number: usize, line: &str| {
        let mut lines = lines.clone();
        lines[number - 1] = line;
        lines.join("\n")
    };
    let altered = lines[4].replace("a test", "a lie");
    let missing = [&lines[..4], &lines[5..]].concat().join("\n");
    type Check = fn(&ImportError) -> bool;
    let cases: [(String, Check); 4] = [
        (with(5, &altered), |error| matches!(error, ImportError::Altered { line: 5 })),
        (with(5, "{}"), |error| matches!(error, ImportError::Line { line: 5, .. })),
        (missing, |error| matches!(error, ImportError::OutOfOrder { line: 5, .. })),
        (String::new(), |error| matches!(error, ImportError::Nothing)),
    ];
    for (file, check) in cases {
        let server = ff_testkit::nats::server().await;
        let options = LogOptions::url(&server.url);
        let error = import(&options, file.as_bytes()).await.unwrap_err();
        assert!(check(&error), "{error:?}");
        if file.is_empty() {
            continue;
        }
        let refused = JetStreamLog::connect(options).await.unwrap_err();
        let LogError::ConfigDiffers { differences, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(differences[0].setting, "metadata ff.import");
    }
}
