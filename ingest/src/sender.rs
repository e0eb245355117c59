//! What a sender says of itself: how many exposures it has made, so that lost ones show.

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::event::{Member, Reason, Rejection, name};

/// The most experiments that a sender counts.
const EXPERIMENTS: usize = 1000;

/// The most bytes in which it may do so.
const LARGEST: usize = 256 * 1024;

/// A sender and its counts.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) instance: Uuid,
    /// By the key of the experiment: made since the sender started, and taken from this body.
    pub(crate) exposures: FxHashMap<Cow<'a, str>, Count>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    instance: Option<&'a RawValue>,
    #[serde(borrow)]
    exposures: Option<&'a RawValue>,
}

impl<'a> Sender<'a> {
    pub(crate) fn read(raw: &'a RawValue) -> Result<Self, Rejection> {
        let wrong = |reason| Err(Rejection::at("sender", reason));
        match raw.get() {
            text if !text.starts_with('{') => return wrong(Reason::NoSender),
            text if text.len() > LARGEST => {
                return wrong(Reason::TooLarge { most: LARGEST, found: text.len() });
            }
            _ => {}
        }
        let malformed = |error| Rejection::at("sender", Reason::Malformed(error));
        let Members { instance, exposures } = serde_json::from_str(raw.get()).map_err(malformed)?;
        let instance =
            Member::required("instance", instance).and_then(Member::uuid).map_err(within)?;
        let counts: BTreeMap<String, &RawValue> = exposures
            .map(|raw| serde_json::from_str(raw.get()))
            .transpose()
            .map_err(malformed)?
            .unwrap_or_default();
        let inside = |key: &str, reason| Rejection::inside("sender/exposures", key, reason);
        if counts.len() > EXPERIMENTS {
            let reason = Reason::TooMany { most: EXPERIMENTS, found: counts.len() };
            return Err(Rejection::at("sender/exposures", reason));
        }
        let mut read = FxHashMap::default();
        for (key, raw) in counts {
            if !name(&key) {
                return Err(inside(&key, Reason::NoKey));
            }
            let sent = raw.get().parse().map_err(|_| inside(&key, Reason::NoCount))?;
            read.insert(Cow::Owned(key), Count { sent, accepted: 0 });
        }
        Ok(Self { instance, exposures: read })
    }

    /// Counts an exposure that was taken.
    pub(crate) fn accepted(&mut self, experiment: Option<&str>) {
        if let Some(count) = experiment.and_then(|key| self.exposures.get_mut(key)) {
            count.accepted += 1;
        }
    }
}

fn within(rejection: Rejection) -> Rejection {
    Rejection::at("sender/instance", rejection.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b9c2c8e-6d0f-4a53-9f0e-3f6d2a1b7c4d";

    fn read(text: &str) -> Result<(usize, u64), String> {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let mut sender = Sender::read(raw).map_err(|rejection| {
            serde_json::to_value(rejection).unwrap()["pointer"].as_str().unwrap().to_owned()
        })?;
        sender.accepted(Some("e"));
        sender.accepted(Some("other"));
        sender.accepted(None);
        let accepted = sender.exposures.values().map(|count| count.accepted).sum();
        Ok((sender.exposures.len(), accepted))
    }

    #[test]
    fn counts_are_read_and_kept() {
        let body = format!(r#"{{"instance":"{ID}","exposures":{{"e":7,"f":1}}}}"#);
        assert_eq!(read(&body), Ok((2, 1)));
        assert_eq!(read(&format!(r#"{{"instance":"{ID}"}}"#)), Ok((0, 0)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |counts: &str| format!(r#"{{"instance":"{ID}","exposures":{counts}}}"#);
        for (body, pointer) in [
            ("7".to_owned(), "/sender"),
            (format!("[\"{ID}\",{{}}]"), "/sender"),
            (format!("{{\"x\":\"{}\"}}", "x".repeat(LARGEST)), "/sender"),
            ("{}".to_owned(), "/sender/instance"),
            (r#"{"instance":"x"}"#.to_owned(), "/sender/instance"),
            (with("[]"), "/sender"),
            (with(r#"{"e":-1}"#), "/sender/exposures/e"),
            (with(r#"{"e":1.5}"#), "/sender/exposures/e"),
            (with(r#"{"e f":1}"#), "/sender/exposures/e f"),
        ] {
            assert_eq!(read(&body), Err(pointer.to_owned()), "{body}");
        }
    }
}
