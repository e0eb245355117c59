//! The subjects of the stream: `ff.evt.<organization>.<kind>.<aggregate>`.

use uuid::Uuid;

use crate::stream_key::is_kind;
use crate::{Defect, Position, Recorded, StreamKey};

/// All subjects of the stream.
pub(super) const ALL: &str = "ff.evt.*.*.*";

const PREFIX: &str = "ff.evt.";

/// The subject of one aggregate.
pub(super) fn of(key: &StreamKey) -> String {
    format!("{PREFIX}{}.{}.{}", key.org, key.kind, key.id)
}

/// The subjects of all aggregates of a kind.
pub(super) fn of_kind(kind: &str) -> String {
    format!("{PREFIX}*.{kind}.*")
}

/// The aggregate of a subject, none if it is not one of ours.
pub(super) fn parse(subject: &str) -> Option<StreamKey> {
    let mut parts = subject.strip_prefix(PREFIX)?.split('.');
    let (org, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_kind(kind) {
        return None;
    }
    let uuid = |text| Uuid::try_parse(text).ok();
    Some(StreamKey::new(uuid(org)?, kind.to_owned(), uuid(id)?))
}

/// A commit must name the aggregate on whose subject it lies.
pub(super) fn check_place(subject: &str, commit: &Recorded) -> Result<(), Defect> {
    let stream = commit.commit.stream();
    if parse(subject).as_ref() == Some(&stream) {
        return Ok(());
    }
    let (position, subject): (Position, _) = (commit.position, subject.to_owned());
    Err(Defect::Misplaced { position, stream, subject })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_its_aggregate() {
        let key = StreamKey::new(Uuid::from_u128(1), "api_key", Uuid::from_u128(2));
        assert_eq!(parse(&of(&key)), Some(key));
        for bad in ["ff.evt.a.b", "ff.cfg.x.flag.y", "ff.evt.", "ff.evt.1.flag.2.3"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
