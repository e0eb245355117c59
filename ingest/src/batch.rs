//! A body as it was sent: where each event of it begins and ends.
//!
//! Events are read one by one after this, so what is wrong with one is not found here and harms no other. How many
//! there may be is known here, because a body of small ones would take many times its own size in memory.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::problem::{BodyDefect, Problem};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One object with a list of events.
    Json,
    /// One event a line.
    Lines,
}

/// The events of a body.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    /// Each as it was sent; `None` is no text.
    pub(crate) events: Vec<Option<&'a str>>,
    /// What the sender says of itself.
    pub(crate) sender: Option<&'a RawValue>,
}

impl<'a> Batch<'a> {
    pub(crate) fn read(body: &'a [u8], format: Format, most: usize) -> Result<Self, Problem> {
        match format {
            Format::Json => Self::json(body, most),
            Format::Lines => Self::lines(body, most),
        }
    }

    fn lines(body: &'a [u8], most: usize) -> Result<Self, Problem> {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut batch = Self::default();
        for line in lines.filter(|line| !line.is_empty()) {
            if batch.events.len() == most {
                return Err(Problem::TooManyEvents(most));
            }
            batch.events.push(std::str::from_utf8(line).ok());
        }
        Ok(batch)
    }

    fn json(body: &'a [u8], most: usize) -> Result<Self, Problem> {
        let too_many = Cell::new(false);
        let mut reader = serde_json::Deserializer::from_slice(body);
        let whole = Whole { most, too_many: &too_many }
            .deserialize(&mut reader)
            .and_then(|batch| reader.end().map(|()| batch));
        let defect = match whole {
            Ok(Some(batch)) => return Ok(batch),
            Ok(None) => BodyDefect::NoEvents,
            Err(_) if too_many.get() => return Err(Problem::TooManyEvents(most)),
            Err(error) if error.classify() == Category::Data => BodyDefect::Shape,
            Err(error) => BodyDefect::NoJson { line: error.line(), column: error.column() },
        };
        Err(Problem::Body(defect))
    }
}

/// Puts a text of the same length in the place of `NaN` and `Infinity`, which are no JSON but which some languages
/// write. So they are a wrong value of one event, and not the end of all.
pub(crate) fn without_nan(body: &[u8]) -> Option<Vec<u8>> {
    const NAMES: [(&[u8], &[u8]); 3] =
        [(b"NaN", b"\"N\""), (b"-Infinity", b"\"-infini\""), (b"Infinity", b"\"infini\"")];
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = body.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'N' | b'I' | b'-' if !quoted => {
                if let Some((name, text)) =
                    NAMES.iter().find(|(name, _)| body[at..].starts_with(name))
                {
                    out.get_or_insert_with(|| body.to_vec())[at..at + name.len()]
                        .copy_from_slice(text);
                    at += name.len() - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// Reads the object around the events; answers none if it has no list of them.
struct Whole<'c> {
    most: usize,
    too_many: &'c Cell<bool>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Events,
    Sender,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Option<Batch<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Option<Batch<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut events, mut sender) = (None, None);
        while let Some(member) = map.next_key()? {
            match member {
                Member::Events if events.is_some() => {
                    return Err(A::Error::duplicate_field("events"));
                }
                Member::Events => {
                    let list = List { most: self.most, too_many: self.too_many };
                    events = Some(map.next_value_seed(list)?);
                }
                Member::Sender => sender = map.next_value::<Option<&RawValue>>()?,
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(events.map(|events| Batch { events, sender }))
    }
}

/// Reads the list of events, up to a number.
struct List<'c> {
    most: usize,
    too_many: &'c Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Vec<Option<&'de str>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<Option<&'de str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = list.next_element::<&RawValue>()? {
            if events.len() == self.most {
                self.too_many.set(true);
                return Err(A::Error::custom("too many events"));
            }
            events.push(Some(event.get()));
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<&str>, Problem> {
        let batch = Batch::read(body.as_bytes(), Format::Json, 3)?;
        Ok(batch.events.into_iter().map(|event| event.unwrap()).collect())
    }

    #[test]
    fn events_are_found_as_they_are() {
        let body = r#" {"x":[1],"events":[ {"a": 1},7 ,"t"],"sender":null} "#;
        assert_eq!(read(body).unwrap(), ["{\"a\": 1}", "7", "\"t\""]);
        assert_eq!(read(r#"{"events":[]}"#).unwrap(), [""; 0]);
        assert_eq!(read(r#"{"events":[1,2,3,4]}"#), Err(Problem::TooManyEvents(3)));
        let no_json = |line, column| Problem::Body(BodyDefect::NoJson { line, column });
        for (body, problem) in [
            ("", no_json(1, 0)),
            ("\u{1f}\u{8b}", no_json(1, 1)),
            ("{\"events\":[}", no_json(1, 12)),
            ("{\"events\":[]}}", no_json(1, 14)),
            ("{\"events\":[{\"value\":NaN}]}", no_json(1, 21)),
            ("[]", Problem::Body(BodyDefect::Shape)),
            ("7", Problem::Body(BodyDefect::Shape)),
            ("{\"events\":7}", Problem::Body(BodyDefect::Shape)),
            ("{\"events\":[],\"events\":[]}", Problem::Body(BodyDefect::Shape)),
            ("{}", Problem::Body(BodyDefect::NoEvents)),
        ] {
            assert_eq!(read(body), Err(problem), "{body}");
        }
    }

    #[test]
    fn lines_are_events() {
        let batch = Batch::read(b"{}\r\n\n \xff\n7", Format::Lines, 3).unwrap();
        assert_eq!(batch.events, [Some("{}"), None, Some("7")]);
        assert!(Batch::read(b"1\n2\n3\n4", Format::Lines, 3).is_err());
    }

    #[test]
    fn what_is_no_number_becomes_a_text() {
        let body = r#"{"events":[{"a":"NaN \" NaN","b":NaN,"c":[-Infinity,Infinity,-1]}]}"#;
        let fixed = without_nan(body.as_bytes()).unwrap();
        let expected = r#"{"events":[{"a":"NaN \" NaN","b":"N","c":["-infini","infini",-1]}]}"#;
        assert_eq!(std::str::from_utf8(&fixed).unwrap(), expected);
        assert_eq!(without_nan(b"{\"a\":\"NaN\",\"b\":-1}"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>, text in "[\\[\\]{}\"\\\\NaInfity:, -]*") {
            for body in [&body[..], text.as_bytes()] {
                let _ = Batch::read(body, Format::Json, 10);
                let _ = Batch::read(body, Format::Lines, 10);
                let _ = without_nan(body);
            }
        }
    }
}
