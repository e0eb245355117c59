//! What can be asked of a segment, what happens to it, and why it is refused.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Members, SegmentState};
use crate::{Problem, SegmentKey, problem};

/// What can be asked of a segment.
#[derive(Debug, Clone, PartialEq)]
pub enum SegmentCommand {
    /// Make it.
    Create(SegmentState),
    /// Change name, description or tags.
    ChangeDetails(SegmentDetails),
    /// Say anew who is in it.
    ReplaceMembers(Members),
    /// Put it away; refused while a rule mentions it.
    Archive,
    /// Take it back, as it was.
    Restore,
}

/// Changes of what is not membership; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SegmentDetails {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeSet<String>>,
}

/// What happened to a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SegmentEvent {
    /// It was made.
    #[serde(rename = "segment.created")]
    Created(SegmentState),
    /// It has another name.
    #[serde(rename = "segment.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "segment.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// It has other tags.
    #[serde(rename = "segment.tags_replaced")]
    TagsReplaced {
        /// All of them.
        tags: BTreeSet<String>,
    },
    /// Others are in it.
    #[serde(rename = "segment.members_replaced")]
    MembersReplaced {
        /// Who.
        members: Members,
    },
    /// It was put away.
    #[serde(rename = "segment.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "segment.restored")]
    Restored {},
}

impl DomainEvent for SegmentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "segment.created",
            Self::Renamed { .. } => "segment.renamed",
            Self::Described { .. } => "segment.described",
            Self::TagsReplaced { .. } => "segment.tags_replaced",
            Self::MembersReplaced { .. } => "segment.members_replaced",
            Self::Archived {} => "segment.archived",
            Self::Restored {} => "segment.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a segment's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SegmentError {
    /// There is no such segment.
    #[error("there is no such segment")]
    NotFound,
    /// The key is taken, perhaps by an archived segment.
    #[error("the project already has a segment `{0}`, perhaps in the archive")]
    AlreadyExists(SegmentKey),
    /// It is archived.
    #[error("segment `{0}` is archived; restore it first")]
    Archived(SegmentKey),
    /// It cannot be restored, it is not archived.
    #[error("segment `{0}` is not archived")]
    NotArchived(SegmentKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl SegmentError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1300",
            Self::AlreadyExists(_) => "FF-1301",
            Self::Archived(_) => "FF-1302",
            Self::NotArchived(_) => "FF-1303",
            Self::Invalid(_) => "FF-1304",
        }
    }
}
