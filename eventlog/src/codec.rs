//! Between domain events and their records.
//!
//! A domain event enum serialises adjacently tagged, `{"type":"flag.turned_on","data":{…}}`; its
//! version comes from [`DomainEvent::event_version`]. An upcaster sees the wire name, the version and
//! the data alone, and may change all three.

use cqrs_es::DomainEvent;
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::EventRecord;

/// An event cannot be made a record.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The event does not serialise.
    #[error("the event cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The event is no object with `type` and `data`.
    #[error("an event must serialise as an object with `type` and at most `data` beside it")]
    Shape,
    /// The event's version is no small number.
    #[error("`{version}` is no event version, it must be a number from 1 to 65535")]
    Version {
        /// What the event said.
        version: String,
    },
}

/// A record cannot be made an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// This program does not know the event, or not in this version.
    #[error(
        "event type {kind} version {v} is unknown, run a version of the platform that knows it"
    )]
    Unknown {
        /// The wire name.
        kind: String,
        /// The version, after upcasting.
        v: u16,
    },
    /// The data is not what the type and version promise.
    #[error("the data of event type {kind} version {v} does not fit its type")]
    Malformed {
        /// The wire name.
        kind: String,
        /// The version, after upcasting.
        v: u16,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// An upcaster left a version that is no number.
    #[error("an upcaster gave event type {kind} the version `{version}`, which is no number")]
    UpcastVersion {
        /// The wire name.
        kind: String,
        /// What the upcaster left.
        version: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagged {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

/// Makes the record of an event.
///
/// # Errors
/// See [`EncodeError`]; each is a mistake in the event's definition.
pub fn encode<E: DomainEvent>(event: &E) -> Result<EventRecord, EncodeError> {
    let value = serde_json::to_value(event).map_err(EncodeError::Json)?;
    let Tagged { kind, data } = serde_json::from_value(value).map_err(|_| EncodeError::Shape)?;
    let version = event.event_version();
    match major(&version) {
        Some(v) if v > 0 => Ok(EventRecord { kind, v, data }),
        _ => Err(EncodeError::Version { version }),
    }
}

/// Makes an event of a record, brought up to date by the upcasters in their order.
///
/// Fields that the event does not have are ignored.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<E: DomainEvent>(
    record: &EventRecord,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<E, DecodeError> {
    let EventRecord { kind, v, data } = upcast(record, upcasters)?;
    let mut tagged = Map::with_capacity(2);
    tagged.insert("type".to_owned(), Value::String(kind.clone()));
    // A unit variant is written without data and must be read without.
    if !data.is_null() {
        tagged.insert("data".to_owned(), data);
    }
    let event: E = match serde_json::from_value(Value::Object(tagged)) {
        Ok(event) => event,
        // serde has no other way to tell an unknown tag from bad data below a known one.
        Err(source) if source.to_string().starts_with(&format!("unknown variant `{kind}`")) => {
            return Err(DecodeError::Unknown { kind, v });
        }
        Err(source) => return Err(DecodeError::Malformed { kind, v, source }),
    };
    if major(&event.event_version()) == Some(v) {
        Ok(event)
    } else {
        Err(DecodeError::Unknown { kind, v })
    }
}

fn upcast(
    record: &EventRecord,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<EventRecord, DecodeError> {
    let version = record.v.to_string();
    if !upcasters.iter().any(|upcaster| upcaster.can_upcast(&record.kind, &version)) {
        return Ok(record.clone());
    }
    let mut event = SerializedEvent {
        aggregate_id: String::new(),
        sequence: 0,
        aggregate_type: String::new(),
        event_type: record.kind.clone(),
        event_version: version,
        payload: record.data.clone(),
        metadata: Value::Null,
    };
    for upcaster in upcasters {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            event = upcaster.upcast(event);
        }
    }
    match major(&event.event_version) {
        Some(v) => Ok(EventRecord { kind: event.event_type, v, data: event.payload }),
        None => {
            Err(DecodeError::UpcastVersion { kind: event.event_type, version: event.event_version })
        }
    }
}

/// The number before the first dot: the semantic upcaster of cqrs-es writes `2` as `2.0.0`.
fn major(version: &str) -> Option<u16> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use cqrs_es::persist::SemanticVersionEventUpcaster;
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum LampEvent {
        #[serde(rename = "lamp.dimmed")]
        Dimmed { percent: u8 },
        #[serde(rename = "lamp.broke")]
        Broke,
    }

    impl DomainEvent for LampEvent {
        fn event_type(&self) -> String {
            String::new()
        }
        fn event_version(&self) -> String {
            if matches!(self, Self::Dimmed { .. }) { "2" } else { "1" }.to_owned()
        }
    }

    fn record(kind: &str, v: u16, data: Value) -> EventRecord {
        EventRecord { kind: kind.to_owned(), v, data }
    }

    #[test]
    fn what_is_encoded_decodes() {
        for event in [LampEvent::Dimmed { percent: 7 }, LampEvent::Broke] {
            let record = encode(&event).unwrap();
            assert_eq!(decode::<LampEvent>(&record, &[]).unwrap(), event);
        }
        assert_eq!(
            encode(&LampEvent::Dimmed { percent: 7 }).unwrap(),
            record("lamp.dimmed", 2, json!({"percent": 7}))
        );
        assert_eq!(encode(&LampEvent::Broke).unwrap(), record("lamp.broke", 1, Value::Null));
    }

    #[test]
    fn unknown_fields_are_tolerated() {
        let later = record("lamp.dimmed", 2, json!({"percent": 7, "by": "dial"}));
        assert_eq!(decode::<LampEvent>(&later, &[]).unwrap(), LampEvent::Dimmed { percent: 7 });
    }

    #[test]
    fn an_unknown_type_or_version_is_told_from_bad_data() {
        let cases = [
            (record("lamp.sold", 1, json!({})), true),
            (record("lamp.dimmed", 3, json!({"percent": 7})), true),
            (record("lamp.dimmed", 2, json!({"percent": "lots"})), false),
            (record("lamp.dimmed", 2, Value::Null), false),
        ];
        for (record, unknown) in cases {
            match decode::<LampEvent>(&record, &[]) {
                Err(DecodeError::Unknown { kind, v }) => {
                    assert!(unknown && kind == record.kind && v == record.v, "{record:?}");
                }
                Err(DecodeError::Malformed { .. }) => assert!(!unknown, "{record:?}"),
                other => panic!("{record:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn an_old_event_is_upcast_before_it_is_decoded() {
        let upcasters: Vec<Box<dyn EventUpcaster>> =
            vec![Box::new(SemanticVersionEventUpcaster::new(
                "lamp.dimmed",
                "2",
                Box::new(|data| json!({"percent": data["level"].as_u64().unwrap() * 10})),
            ))];
        let old = record("lamp.dimmed", 1, json!({"level": 3}));
        assert_eq!(
            decode::<LampEvent>(&old, &upcasters).unwrap(),
            LampEvent::Dimmed { percent: 30 }
        );
        assert!(decode::<LampEvent>(&old, &[]).is_err());
    }
}
