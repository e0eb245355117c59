//! What is stored is what was sent, as records.

use serde_json::{Value, json};

use super::*;
use crate::batch::Format;
use crate::record::Record;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number + 1)
}

fn exposure(number: u128) -> Value {
    json!({"type": "exposure", "id": id(number), "at": "2026-06-01T00:00:00+02:00", "user_key": "u\"\n",
        "flag": "f", "variation": "on", "rule": "e:1", "experiment": "e", "position": "7",
        "attributes": {"plan": "pro", "age": 7, "tags": ["a", "b"]}, "private": ["plan"]})
}

fn metric(number: u128) -> Value {
    json!({"type": "metric", "id": id(number), "at": "2026-06-01T00:00:00Z", "user_key": "u",
        "metric": "m", "value": 0.1})
}

fn taken(body: &Value, options: &CommitOptions) -> Taken {
    let body = body.to_string();
    let batch = Batch::read(body.as_bytes(), Format::Json, 5000).unwrap();
    let now = "2026-06-01T00:00:01Z".parse().unwrap();
    take(&batch, &Environment::empty(Uuid::from_u128(9)), now, options)
}

fn records(taken: &Taken) -> Vec<Record> {
    let text: Vec<u8> = taken.chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn lines_are_records() {
    let sender = json!({"instance": id(99), "exposures": {"e": 12}});
    let body = json!({"sender": sender, "events": [exposure(0), metric(1)]});
    let taken = taken(&body, &CommitOptions::default());
    let [Record::Exposure(exposure), Record::Metric(metric), Record::Sender(sender)] =
        &records(&taken)[..]
    else {
        panic!("{taken:?}")
    };
    assert_eq!((exposure.id, exposure.instance, exposure.config), (id(0), Some(id(99)), 7));
    assert_eq!(exposure.user_key, "u\"\n");
    assert_eq!(exposure.at.to_string(), "2026-05-31T22:00:00Z");
    let attributes: Vec<_> =
        exposure.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
    // There is nothing to hash with, so what is private is not kept.
    assert_eq!(attributes, [("age", "7"), ("tags", "[\"a\",\"b\"]")]);
    assert_eq!((metric.id, metric.value, metric.environment), (id(1), 0.1, Uuid::from_u128(9)));
    assert_eq!((&*sender.experiment, sender.sent, sender.accepted), ("e", 12, 1));
    // A line is written as the record would be.
    let again: String =
        records(&taken).iter().map(|each| serde_json::to_string(each).unwrap() + "\n").collect();
    assert_eq!(again.as_bytes(), taken.chunks[0].bytes);
}

#[test]
fn a_bad_event_harms_no_other() {
    let events = json!([exposure(0), 7, metric(1), {"type": "metric"}, exposure(0)]);
    let taken = taken(&json!({"events": events, "sender": 7}), &CommitOptions::default());
    assert_eq!(records(&taken).len(), 2);
    let answer = serde_json::to_value(&taken.answer).unwrap();
    assert_eq!(answer["accepted"], 3);
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(answer["rejected"][1]["index"], 3);
    assert_eq!(answer["rejected"][1]["pointer"], "/id");
    assert_eq!(answer["sender"]["pointer"], "/sender");
    let unknown = json!({"flags": ["f"], "experiments": ["e"], "metrics": ["m"]});
    assert_eq!(answer["unknown"], unknown);
    assert_eq!(taken.repeats, 1);
}

#[test]
fn what_is_stored_is_cut_by_events_and_by_bytes() {
    let events: Vec<Value> = (0..10).map(metric).collect();
    let line = records(&taken(&json!({"events": [metric(0)]}), &CommitOptions::default()));
    let length = serde_json::to_string(&line[0]).unwrap().len() + 1;
    for (events_each, bytes, expected) in [
        (4, 512 * 1024, vec![4, 4, 2]),
        (1000, length * 3 + 1, vec![3, 3, 3, 1]),
        (1000, length * 5, vec![5, 5]),
        (1000, 1, vec![1; 10]),
    ] {
        let options = CommitOptions { events: events_each, bytes, ..CommitOptions::default() };
        let taken = taken(&json!({"events": events}), &options);
        let lines: Vec<_> = taken.chunks.iter().map(|chunk| chunk.lines).collect();
        assert_eq!(lines, expected);
        assert_eq!(records(&taken).len(), 10);
    }
}
