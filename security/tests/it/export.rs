//! The log as a file.

use ff_security::{Entry, Format, Kind, Scope, Subject};
use futures::TryStreamExt as _;

use crate::world::{OTHER_ORG, US, World, at, record, until_written};

const ROWS: i64 = 2300;

async fn world() -> World {
    let world = World::new().await;
    let _writing = world.write().await;
    let recorder = world.recorder().await;
    for second in 0..ROWS {
        let subject = Subject::role(if second == 0 { "=cmd,\"x\"" } else { "editor" });
        recorder.record(
            record(second, Kind::RoleGiven).subject(subject).detail("n", &second.to_string()),
        );
    }
    recorder.record(record(0, Kind::RoleGiven).organization(OTHER_ORG));
    until_written(&world.pool, ROWS + 1).await;
    world
}

async fn file(world: &World, format: Format, range: (i64, i64)) -> String {
    let (from, to) = (Some(at(range.0)), Some(at(range.1)));
    let chunks: Vec<_> = world.log.export_as(format, US, from, to).try_collect().await.unwrap();
    String::from_utf8(chunks.concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_everything_of_its_time_in_order() {
    let world = world().await;
    let all: Vec<Entry> = world.log.export(US, None, None).try_collect().await.unwrap();
    let seconds: Vec<i64> =
        all.iter().map(|entry| entry.at.as_second() - at(0).as_second()).collect();
    assert_eq!(seconds, (0..ROWS).collect::<Vec<_>>());

    let lines = file(&world, Format::JsonLines, (100, 1500)).await;
    let lines: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, all[100..1500]);

    let csv = file(&world, Format::Csv, (0, 2000)).await;
    assert!(csv.ends_with("\r\n"));
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2001);
    assert!(lines[0].starts_with("id,at,kind,outcome,organization,"));
    assert!(lines[1].contains(",role,\"'=cmd,\"\"x\"\"\","), "{}", lines[1]);
    assert!(lines[2].ends_with(",control,,,\"{\"\"n\"\":\"\"1\"\"}\""), "{}", lines[2]);

    let nothing: Vec<Entry> =
        world.log.export(Scope::Installation, None, None).try_collect().await.unwrap();
    assert!(nothing.is_empty());
    assert_eq!(file(&world, Format::Csv, (5000, 6000)).await.lines().count(), 1);
}
