//! A segment: a named group of users, for use in the rules of many flags.

mod command;

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use ff_evaluator::{Condition, SegmentDefinition};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, Item, Problem, ProjectCommand, ProjectId, References, SegmentId, SegmentKey,
    aggregate,
    text::{check_description, check_name, check_tags},
};
pub use command::{SegmentCommand, SegmentDetails, SegmentError, SegmentEvent};

/// Most listed users of a segment, included and excluded together.
pub const LISTED_MAX: usize = 50_000;
/// Most rules of a segment.
pub const RULES_MAX: usize = 200;

/// A segment's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Segment {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(SegmentState),
    /// Kept, but no rule may mention it, until it is restored.
    Archived(SegmentState),
}

/// What a segment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SegmentState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project.
    pub key: SegmentKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Who is in it.
    pub members: Members,
}

/// Who is in a segment. `excluded` goes before `included`, and that before the rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Targeting keys that are always in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub included: BTreeSet<String>,
    /// Targeting keys that are never in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Who else is in: those for whom any of these holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Condition>,
}

impl Segment {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&SegmentState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }

    /// Segments that must be looked up before this command can be decided.
    pub fn mentions(&self, command: &SegmentCommand) -> BTreeSet<SegmentKey> {
        match (self, command) {
            (Self::Absent, SegmentCommand::Create(new)) => new.references().segments,
            (Self::Live(state), SegmentCommand::ReplaceMembers(members)) => {
                SegmentState { members: members.clone(), ..state.clone() }.references().segments
            }
            (Self::Archived(state), SegmentCommand::Restore) => state.references().segments,
            _ => BTreeSet::new(),
        }
    }

    /// What the project must agree to for this segment to become `after`. Committed in one batch with its events.
    pub fn project_command(&self, after: &Self) -> Option<ProjectCommand> {
        let set = |after: &SegmentState| ProjectCommand::SetReferences {
            item: after.item(),
            references: after.references(),
        };
        match (self, after) {
            (Self::Live(before), Self::Archived(_)) => {
                Some(ProjectCommand::Retire { item: before.item() })
            }
            (Self::Archived(_), Self::Live(after)) => Some(ProjectCommand::Reinstate {
                item: after.item(),
                references: after.references(),
            }),
            (Self::Absent, Self::Live(after)) => {
                (!after.references().is_empty()).then(|| set(after))
            }
            (Self::Live(before), Self::Live(after)) => {
                (before.references() != after.references()).then(|| set(after))
            }
            _ => None,
        }
    }
}

impl SegmentState {
    /// Its id.
    pub fn id(&self) -> SegmentId {
        SegmentId::of(self.project, &self.key)
    }

    /// How references name it.
    pub fn item(&self) -> Item {
        Item::Segment(self.key.clone())
    }

    /// What edges and SDKs get of it.
    pub fn definition(&self) -> SegmentDefinition {
        SegmentDefinition {
            key: self.key.to_string(),
            included: self.members.included.iter().cloned().collect(),
            excluded: self.members.excluded.iter().cloned().collect(),
            rules: self.members.rules.clone(),
        }
    }

    /// The segments its rules mention.
    pub fn references(&self) -> References {
        let mut references = References::default();
        for rule in &self.members.rules {
            let found = ff_evaluator::condition_references(rule).segments;
            references
                .segments
                .extend(found.into_iter().filter_map(|key| SegmentKey::parse(key).ok()));
        }
        references
    }

    fn check(&self, known: &BTreeSet<SegmentKey>, members_at: &str) -> Result<(), SegmentError> {
        let mut problems = Vec::new();
        check_name("/name", &self.name, &mut problems);
        check_description("/description", &self.description, &mut problems);
        check_tags("/tags", &self.tags, &mut problems);
        let mut members = Vec::new();
        self.check_members(known, &mut members);
        problems.extend(members.into_iter().map(|problem| problem.below(members_at)));
        if problems.is_empty() { Ok(()) } else { Err(SegmentError::Invalid(problems)) }
    }

    fn check_members(&self, known: &BTreeSet<SegmentKey>, problems: &mut Vec<Problem>) {
        let listed = self.members.included.len() + self.members.excluded.len();
        if listed > LISTED_MAX {
            let detail = format!("at most {LISTED_MAX} listed users, these are {listed}");
            problems.push(Problem::at("/included", detail));
        }
        if self.members.rules.len() > RULES_MAX {
            let detail =
                format!("at most {RULES_MAX} rules, these are {}", self.members.rules.len());
            problems.push(Problem::at("/rules", detail));
        }
        if let Some(both) = self.members.included.intersection(&self.members.excluded).next() {
            problems
                .push(Problem::at("/excluded", format!("`{both}` is included too; list it once")));
        }
        for (index, rule) in self.members.rules.iter().enumerate() {
            let found = ff_evaluator::condition_references(rule);
            let pointer = format!("/rules/{index}");
            if !found.flags.is_empty() {
                problems.push(Problem::at(
                    &pointer,
                    "a segment cannot depend on a flag: `flag_is` is for flags",
                ));
            }
            for segment in found.segments {
                if segment == self.key.as_str() {
                    problems.push(Problem::at(&pointer, "a segment cannot mention itself"));
                } else if !known.contains(segment.as_str()) {
                    let detail =
                        format!("the project has no segment `{segment}`, or it is archived");
                    problems.push(Problem::at(&pointer, detail));
                }
            }
        }
        let found = ff_evaluator::validate_segment(&self.definition());
        problems.extend(
            found.into_iter().map(|p| Problem { pointer: p.pointer, detail: p.kind.to_string() }),
        );
    }

    fn apply(&mut self, event: SegmentEvent) {
        match event {
            SegmentEvent::Created(_) | SegmentEvent::Archived {} | SegmentEvent::Restored {} => {}
            SegmentEvent::Renamed { name } => self.name = name,
            SegmentEvent::Described { description } => self.description = description,
            SegmentEvent::TagsReplaced { tags } => self.tags = tags,
            SegmentEvent::MembersReplaced { members } => self.members = members,
        }
    }
}

impl Decision for Segment {
    /// The facts are the live segments among those mentioned.
    fn decide(
        &self,
        command: SegmentCommand,
        known: &BTreeSet<SegmentKey>,
    ) -> Result<Vec<SegmentEvent>, SegmentError> {
        use SegmentCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                new.check(known, "/members")?;
                Ok(vec![SegmentEvent::Created(new)])
            }
            (Self::Absent, _) => Err(SegmentError::NotFound),
            (_, Command::Create(new)) => Err(SegmentError::AlreadyExists(new.key)),
            (Self::Archived(state), Command::Restore) => {
                state.check(known, "/members")?;
                Ok(vec![SegmentEvent::Restored {}])
            }
            (Self::Archived(_), Command::Archive) => Ok(Vec::new()),
            (Self::Archived(state), _) => Err(SegmentError::Archived(state.key.clone())),
            (Self::Live(state), Command::Restore) => {
                Err(SegmentError::NotArchived(state.key.clone()))
            }
            (Self::Live(_), Command::Archive) => Ok(vec![SegmentEvent::Archived {}]),
            (Self::Live(state), Command::ReplaceMembers(members)) => {
                if state.members == members {
                    return Ok(Vec::new());
                }
                SegmentState { members: members.clone(), ..state.clone() }.check(known, "")?;
                Ok(vec![SegmentEvent::MembersReplaced { members }])
            }
            (Self::Live(state), Command::ChangeDetails(details)) => state.changed_details(details),
        }
    }
}

impl SegmentState {
    fn changed_details(&self, details: SegmentDetails) -> Result<Vec<SegmentEvent>, SegmentError> {
        let SegmentDetails { name, description, tags } = details;
        let mut problems = Vec::new();
        let mut events = Vec::new();
        if let Some(name) = name.filter(|new| *new != self.name) {
            check_name("/name", &name, &mut problems);
            events.push(SegmentEvent::Renamed { name });
        }
        if let Some(description) = description.filter(|new| *new != self.description) {
            check_description("/description", &description, &mut problems);
            events.push(SegmentEvent::Described { description });
        }
        if let Some(tags) = tags.filter(|new| *new != self.tags) {
            check_tags("/tags", &tags, &mut problems);
            events.push(SegmentEvent::TagsReplaced { tags });
        }
        if problems.is_empty() { Ok(events) } else { Err(SegmentError::Invalid(problems)) }
    }
}

impl Aggregate for Segment {
    const TYPE: &'static str = "segment";
    type Command = SegmentCommand;
    type Event = SegmentEvent;
    type Error = SegmentError;
    type Services = BTreeSet<SegmentKey>;

    async fn handle(
        &mut self,
        command: SegmentCommand,
        known: &BTreeSet<SegmentKey>,
        sink: &EventSink<Self>,
    ) -> Result<(), SegmentError> {
        aggregate::handle(self, command, known, sink).await
    }

    fn apply(&mut self, event: SegmentEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, SegmentEvent::Created(state)) => Self::Live(state),
            (Self::Live(state), SegmentEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), SegmentEvent::Restored {}) => Self::Live(state),
            (Self::Live(mut state), event) => {
                state.apply(event);
                Self::Live(state)
            }
            (unchanged, _) => unchanged,
        };
    }
}
