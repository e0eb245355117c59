//! Something that happened, as the code that saw it says it.

use std::net::IpAddr;

use jiff::Timestamp;
use uuid::{NoContext, Uuid};

use crate::named::named;
use crate::{Detail, Kind};

/// Something that happened at a door.
///
/// Who signs in, is refused or uses a key without being known otherwise is the `subject` and there is no `actor`; the
/// address is then theirs. With an actor, the address is the actor's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Names it for good; a repeat of the same id is recorded once.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Whether it was let through.
    pub outcome: Outcome,
    /// In which organization. None if there is none, or if it is not known.
    pub organization: Option<Uuid>,
    /// Who did it, if that was proved.
    pub actor: Option<Actor>,
    /// To whom or what it was done.
    pub subject: Option<Subject>,
    /// In which session.
    pub session: Option<Uuid>,
    /// From where.
    pub address: Option<IpAddr>,
    /// Which service saw it.
    pub service: Service,
    /// In which request.
    pub request: Option<Uuid>,
    /// Why it was refused: a word that programs can compare, such as `expired`.
    pub reason: Option<&'static str>,
    /// A few words more. Never names, e-mail addresses or secrets.
    pub detail: Detail,
}

named! {
    /// Whether it was let through.
    pub enum Outcome {
        /// It was.
        Ok => "ok",
        /// It was not.
        Refused => "refused",
    }
}

named! {
    /// Which service saw it.
    pub enum Service {
        /// The control plane.
        Control => "control",
        /// An edge.
        Edge => "edge",
        /// Ingest.
        Ingest => "ingest",
        /// Analytics.
        Analytics => "analytics",
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What they are.
    pub kind: ActorKind,
    /// Their id.
    pub id: Uuid,
}

named! {
    /// What somebody who acts is.
    pub enum ActorKind {
        /// A person.
        User => "user",
        /// A program with a key.
        ApiKey => "api_key",
        /// The platform itself.
        System => "system",
    }
}

/// To whom or what it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its id, or its key if it has no id.
    pub id: String,
}

named! {
    /// What something is done to.
    pub enum SubjectKind {
        /// A person.
        User => "user",
        /// A key or a token.
        Key => "key",
        /// A role.
        Role => "role",
        /// An account that programs share.
        ServiceAccount => "service_account",
        /// An identity provider of an organization.
        Connection => "connection",
        /// An invitation.
        Invitation => "invitation",
        /// A session.
        Session => "session",
        /// An organization.
        Organization => "organization",
    }
}

impl Record {
    /// Something that happened now, and nothing more about it yet.
    #[must_use]
    pub fn new(now: Timestamp, kind: Kind, outcome: Outcome, service: Service) -> Self {
        Self {
            id: id_at(now),
            at: now,
            kind,
            outcome,
            organization: None,
            actor: None,
            subject: None,
            session: None,
            address: None,
            service,
            request: None,
            reason: None,
            detail: Detail::default(),
        }
    }

    /// In which organization.
    #[must_use]
    pub fn organization(mut self, organization: impl Into<Option<Uuid>>) -> Self {
        self.organization = organization.into();
        self
    }

    /// Who did it.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<Option<Actor>>) -> Self {
        self.actor = actor.into();
        self
    }

    /// To whom or what.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<Option<Subject>>) -> Self {
        self.subject = subject.into();
        self
    }

    /// In which session.
    #[must_use]
    pub fn session(mut self, session: impl Into<Option<Uuid>>) -> Self {
        self.session = session.into();
        self
    }

    /// From where.
    #[must_use]
    pub fn address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.address = address.into();
        self
    }

    /// In which request.
    #[must_use]
    pub fn request(mut self, request: impl Into<Option<Uuid>>) -> Self {
        self.request = request.into();
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// One word more; see [`Detail`] for what becomes of values that do not belong here.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: &str) -> Self {
        self.detail.set(name, value);
        self
    }
}

impl Actor {
    /// A person.
    #[must_use]
    pub const fn user(id: Uuid) -> Self {
        Self { kind: ActorKind::User, id }
    }

    /// A program with a key.
    #[must_use]
    pub const fn api_key(id: Uuid) -> Self {
        Self { kind: ActorKind::ApiKey, id }
    }

    /// The platform itself.
    #[must_use]
    pub const fn system() -> Self {
        Self { kind: ActorKind::System, id: Uuid::nil() }
    }
}

impl Subject {
    /// Something with an id.
    #[must_use]
    pub fn new(kind: SubjectKind, id: Uuid) -> Self {
        Self { kind, id: id.to_string() }
    }

    /// A person.
    #[must_use]
    pub fn user(id: Uuid) -> Self {
        Self::new(SubjectKind::User, id)
    }

    /// A key.
    #[must_use]
    pub fn key(id: Uuid) -> Self {
        Self::new(SubjectKind::Key, id)
    }

    /// A role, which has a key and no id.
    #[must_use]
    pub fn role(key: &str) -> Self {
        Self { kind: SubjectKind::Role, id: key.to_owned() }
    }
}

/// A new id, in the order of time.
pub(crate) fn id_at(at: Timestamp) -> Uuid {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(at.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds))
}
