//! A record as it travels and as it is read: what somebody else said, so every part of it is checked.
//!
//! Kinds, services and the like are texts here. A newer service may record what an older writer has no word for, and
//! the log outlives the programs that write it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Record;
use crate::detail::{clean, is_clean};

const LONGEST_NAME: usize = 64;
const MOST_DETAILS: usize = 16;

/// A row of the security log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Names it for good.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: the name of a [`Kind`](crate::Kind).
    pub kind: String,
    /// `ok` or `refused`.
    pub outcome: String,
    /// In which organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Uuid>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<EntryActor>,
    /// To whom or what it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<EntrySubject>,
    /// In which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uuid>,
    /// From where; gone when the person was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Which service saw it.
    pub service: String,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A few words more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryActor {
    /// `user`, `api_key` or `system`.
    pub kind: String,
    /// Their id.
    pub id: Uuid,
}

/// To whom or what it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntrySubject {
    /// What it is: `user`, `key`, `role` and so on.
    pub kind: String,
    /// Its id, or its key.
    pub id: String,
}

/// What is wrong with an entry that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of a record is not as it must be")]
pub(crate) struct BadEntry(&'static str);

impl Entry {
    /// Checks what came in.
    pub(crate) fn check(&self) -> Result<(), BadEntry> {
        let require = |good: bool, part| if good { Ok(()) } else { Err(BadEntry(part)) };
        require(is_name(&self.kind), "kind")?;
        require(matches!(self.outcome.as_str(), "ok" | "refused"), "outcome")?;
        require(is_name(&self.service), "service")?;
        require(self.reason.as_deref().is_none_or(is_name), "reason")?;
        require(self.actor.as_ref().is_none_or(|actor| is_name(&actor.kind)), "actor")?;
        let subject = self.subject.as_ref();
        require(subject.is_none_or(|it| is_name(&it.kind) && is_clean(&it.id)), "subject")?;
        let mut detail = self.detail.iter();
        let fine = self.detail.len() <= MOST_DETAILS
            && detail.all(|(name, value)| is_name(name) && is_clean(value));
        require(fine, "detail")
    }

    /// The person or key whose address this is: the actor, or who stood at the door without being known otherwise. What
    /// the platform itself did about somebody, it did because of what came from their address.
    pub(crate) fn holder(&self) -> Option<Uuid> {
        match (&self.actor, &self.subject) {
            (Some(actor), _) if actor.kind != "system" => Some(actor.id),
            (_, Some(subject)) if matches!(subject.kind.as_str(), "user" | "key") => {
                subject.id.parse().ok()
            }
            _ => None,
        }
    }
}

/// Words that programs compare: small letters, digits, dots, dashes and underscores.
fn is_name(text: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_NAME && text.bytes().all(fits)
}

impl From<Record> for Entry {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            at: record.at,
            kind: record.kind.as_str().to_owned(),
            outcome: record.outcome.as_str().to_owned(),
            organization: record.organization,
            actor: record
                .actor
                .map(|actor| EntryActor { kind: actor.kind.as_str().to_owned(), id: actor.id }),
            subject: record.subject.map(|subject| EntrySubject {
                kind: subject.kind.as_str().to_owned(),
                id: clean(&subject.id).into_owned(),
            }),
            session: record.session,
            address: record.address.map(|address| address.to_canonical()),
            service: record.service.as_str().to_owned(),
            request: record.request,
            reason: record.reason.map(str::to_owned),
            detail: record
                .detail
                .into_pairs()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Kind, Outcome, Service, Subject};

    fn record() -> Record {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        Record::new(at, Kind::SignIn, Outcome::Refused, Service::Control)
    }

    #[test]
    fn what_a_record_says_survives_the_way() {
        let record = record()
            .organization(Uuid::from_u128(1))
            .actor(Actor::user(Uuid::from_u128(2)))
            .subject(Subject::role("editor\n"))
            .address("::ffff:192.0.2.7".parse::<IpAddr>().ok())
            .reason("bad_password")
            .detail("permission", "flag.toggle");
        let entry = Entry::from(record);
        entry.check().unwrap();
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(json["address"], "192.0.2.7");
        assert_eq!(json["subject"]["id"], "editor\u{fffd}");
        assert_eq!(json["detail"]["permission"], "flag.toggle");
        assert!(json.get("session").is_none());
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry);
    }

    #[test]
    fn what_is_not_as_it_must_be_is_named() {
        let good = Entry::from(record());
        type Spoil = fn(&mut Entry);
        let cases: [(Spoil, &str); 6] = [
            (|entry| entry.kind = "Sign In".to_owned(), "kind"),
            (|entry| entry.outcome = "maybe".to_owned(), "outcome"),
            (|entry| entry.service = "x".repeat(65), "service"),
            (|entry| entry.reason = Some("a\nb".to_owned()), "reason"),
            (
                |entry| entry.subject = Some(EntrySubject { kind: "key".into(), id: "\0".into() }),
                "subject",
            ),
            (|entry| entry.detail = [("x".to_owned(), "x".repeat(201))].into(), "detail"),
        ];
        for (spoil, part) in cases {
            let mut entry = good.clone();
            spoil(&mut entry);
            assert_eq!(entry.check(), Err(BadEntry(part)));
        }
        assert_eq!(good.check(), Ok(()));
    }

    #[test]
    fn an_address_is_the_actor_s_or_of_who_stood_at_the_door() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let holder = |record: Record| Entry::from(record).holder();
        assert_eq!(
            holder(record().actor(Actor::user(one)).subject(Subject::user(other))),
            Some(one)
        );
        assert_eq!(
            holder(record().actor(Actor::system()).subject(Subject::user(other))),
            Some(other)
        );
        assert_eq!(holder(record().subject(Subject::user(other))), Some(other));
        assert_eq!(holder(record().subject(Subject::key(other))), Some(other));
        assert_eq!(holder(record().subject(Subject::role("editor"))), None);
    }
}
