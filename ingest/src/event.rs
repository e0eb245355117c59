//! One event as it was sent: read, checked and still borrowed from the body.
//!
//! Every member is taken as the piece of JSON that it is, and read after its own rules, so that a wrong one is named
//! with its place and never stops another event from being taken.

mod attributes;
mod member;
mod rejection;

use std::borrow::Cow;
use std::time::Duration;

use ff_front::check_depth;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

pub(crate) use attributes::Attributes;
pub(crate) use member::{Member, name};
pub(crate) use rejection::{Reason, Rejection};

/// The largest event, in bytes.
const LARGEST: usize = 64 * 1024;
/// How deep it nests.
const DEPTH: usize = 64;
/// The longest key of a user, in bytes.
const USER_KEY: usize = 512;
/// The longest id of a rule, in bytes: an experiment's key, a colon and the number of the iteration.
const RULE: usize = 160;
/// The longest name of what happened, in bytes.
const METRIC: usize = 200;
/// The largest value.
const VALUE: f64 = 1e12;
/// How far the sender's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
/// How old an event may be: as long as it would be kept.
const BEHIND: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One event.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Exposure(Exposure<'a>),
    Metric(Metric<'a>),
}

/// Someone was served a variation.
#[derive(Debug)]
pub(crate) struct Exposure<'a> {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) user_key: Cow<'a, str>,
    pub(crate) flag: Cow<'a, str>,
    pub(crate) variation: Cow<'a, str>,
    pub(crate) rule: Option<Cow<'a, str>>,
    pub(crate) experiment: Option<Cow<'a, str>>,
    pub(crate) config: u64,
    pub(crate) attributes: Attributes<'a>,
}

/// Someone did something that is measured.
#[derive(Debug)]
pub(crate) struct Metric<'a> {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) user_key: Cow<'a, str>,
    pub(crate) metric: Cow<'a, str>,
    pub(crate) value: f64,
}

/// The members of an event. Others are of a later SDK, and are passed over.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow)]
    user_key: Option<&'a RawValue>,
    #[serde(borrow)]
    flag: Option<&'a RawValue>,
    #[serde(borrow)]
    variation: Option<&'a RawValue>,
    #[serde(borrow)]
    rule: Option<&'a RawValue>,
    #[serde(borrow)]
    experiment: Option<&'a RawValue>,
    #[serde(borrow)]
    position: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    private: Option<&'a RawValue>,
    #[serde(borrow)]
    metric: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// Reads an event, at this time by our clock.
    pub(crate) fn read(text: &'a str, now: Timestamp) -> Result<Self, Rejection> {
        if text.len() > LARGEST {
            return Err(Rejection::whole(Reason::TooLarge { most: LARGEST, found: text.len() }));
        }
        if !text.starts_with('{') {
            return Err(Rejection::whole(Reason::NoObject));
        }
        check_depth(text.as_bytes(), DEPTH)
            .map_err(|deep| Rejection::whole(Reason::TooDeep { most: deep.most }))?;
        let members: Members<'a> = serde_json::from_str(text)
            .map_err(|error| Rejection::whole(Reason::Malformed(error)))?;
        let kind = Member::required("type", members.kind)?;
        match &*kind.text()? {
            "exposure" => members.exposure(now).map(Self::Exposure),
            "metric" => members.metric(now).map(Self::Metric),
            _ => Err(kind.wrong(Reason::UnknownType)),
        }
    }
}

impl<'a> Members<'a> {
    fn exposure(&self, now: Timestamp) -> Result<Exposure<'a>, Rejection> {
        let optional = |at, raw: Option<&'a RawValue>| raw.map(|raw| Member::new(at, raw));
        Ok(Exposure {
            id: self.id()?,
            at: self.at(now)?,
            user_key: self.user_key()?,
            flag: Member::required("flag", self.flag)?.key()?,
            variation: Member::required("variation", self.variation)?.key()?,
            rule: optional("rule", self.rule).map(|rule| rule.printable(RULE)).transpose()?,
            experiment: optional("experiment", self.experiment).map(Member::key).transpose()?,
            config: optional("position", self.position).map_or(Ok(0), Member::position)?,
            attributes: Attributes::read(self.attributes, self.private)?,
        })
    }

    fn metric(&self, now: Timestamp) -> Result<Metric<'a>, Rejection> {
        let value = match self.value {
            None => 1.0,
            Some(raw) => Member::new("value", raw).number(VALUE)?,
        };
        Ok(Metric {
            id: self.id()?,
            at: self.at(now)?,
            user_key: self.user_key()?,
            metric: Member::required("metric", self.metric)?.printable(METRIC)?,
            value,
        })
    }

    fn id(&self) -> Result<Uuid, Rejection> {
        Member::required("id", self.id)?.uuid()
    }

    fn user_key(&self) -> Result<Cow<'a, str>, Rejection> {
        Member::required("user_key", self.user_key)?.sized(USER_KEY)
    }

    fn at(&self, now: Timestamp) -> Result<Timestamp, Rejection> {
        let member = Member::required("at", self.at)?;
        let at = member.time()?;
        let age = now.duration_since(at);
        match () {
            () if age.is_negative() && age.unsigned_abs() > AHEAD => {
                Err(member.wrong(Reason::InFuture))
            }
            () if age.is_positive() && age.unsigned_abs() > BEHIND => {
                Err(member.wrong(Reason::TooOld))
            }
            () => Ok(at),
        }
    }
}

#[cfg(test)]
mod tests;
