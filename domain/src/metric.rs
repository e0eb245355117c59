//! A metric: what is computed from users' events, for use in many experiments.

mod command;
mod definition;

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, Item, MetricId, MetricKey, Problem, ProjectCommand, ProjectId, References, UserId,
    aggregate,
    text::{check_description, check_name, check_tags},
};
pub use command::{CreateMetric, MetricCommand, MetricDetails, MetricError, MetricEvent};
pub use definition::{
    Better, COVARIATE_DAYS_MAX, Cap, EVENT_MAX, FUNNEL_STEPS_MAX, MetricDefinition, MetricKind,
    RETENTION_DAYS_MAX, Take, Term, UNIT_MAX, WINDOW_HOURS_MAX,
};

/// A metric's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Metric {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(MetricState),
    /// Kept, but no experiment may use it, until it is restored.
    Archived(MetricState),
}

/// What a metric is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project.
    pub key: MetricKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// What is computed.
    pub definition: MetricDefinition,
    /// Counts the definitions, from 1: results say which one they are of.
    pub version: u32,
}

impl Metric {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&MetricState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }

    /// What the project must agree to for this metric to become `after`. Committed in one batch with its events.
    pub fn project_command(&self, after: &Self) -> Option<ProjectCommand> {
        match (self, after) {
            (Self::Live(before), Self::Archived(_)) => {
                Some(ProjectCommand::Retire { item: before.item() })
            }
            (Self::Archived(_), Self::Live(after)) => Some(ProjectCommand::Reinstate {
                item: after.item(),
                references: References::default(),
            }),
            _ => None,
        }
    }
}

impl MetricState {
    /// Its id.
    pub fn id(&self) -> MetricId {
        MetricId::of(self.project, &self.key)
    }

    /// How references name it.
    pub fn item(&self) -> Item {
        Item::Metric(self.key.clone())
    }

    fn apply(&mut self, event: MetricEvent) {
        match event {
            MetricEvent::Created(_) | MetricEvent::Archived {} | MetricEvent::Restored {} => {}
            MetricEvent::Renamed { name } => self.name = name,
            MetricEvent::Described { description } => self.description = description,
            MetricEvent::TagsReplaced { tags } => self.tags = tags,
            MetricEvent::OwnerChanged { owner } => self.owner = owner,
            MetricEvent::Redefined { definition, version } => {
                self.definition = definition;
                self.version = version;
            }
        }
    }

    fn changed_details(&self, details: MetricDetails) -> Result<Vec<MetricEvent>, MetricError> {
        let MetricDetails { name, description, tags, owner } = details;
        let mut problems = Vec::new();
        let mut events = Vec::new();
        if let Some(name) = name.filter(|new| *new != self.name) {
            check_name("/name", &name, &mut problems);
            events.push(MetricEvent::Renamed { name });
        }
        if let Some(description) = description.filter(|new| *new != self.description) {
            check_description("/description", &description, &mut problems);
            events.push(MetricEvent::Described { description });
        }
        if let Some(tags) = tags.filter(|new| *new != self.tags) {
            check_tags("/tags", &tags, &mut problems);
            events.push(MetricEvent::TagsReplaced { tags });
        }
        if let Some(owner) = owner.filter(|new| *new != self.owner) {
            events.push(MetricEvent::OwnerChanged { owner });
        }
        refuse(problems)?;
        Ok(events)
    }
}

impl Decision for Metric {
    fn decide(&self, command: MetricCommand, _: &()) -> Result<Vec<MetricEvent>, MetricError> {
        use MetricCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                new.check()?;
                Ok(vec![MetricEvent::Created(new)])
            }
            (Self::Absent, _) => Err(MetricError::NotFound),
            (_, Command::Create(new)) => Err(MetricError::AlreadyExists(new.key)),
            (Self::Archived(_), Command::Restore) => Ok(vec![MetricEvent::Restored {}]),
            (Self::Archived(_), Command::Archive) => Ok(Vec::new()),
            (Self::Archived(state), _) => Err(MetricError::Archived(state.key.clone())),
            (Self::Live(state), Command::Restore) => {
                Err(MetricError::NotArchived(state.key.clone()))
            }
            (Self::Live(_), Command::Archive) => Ok(vec![MetricEvent::Archived {}]),
            (Self::Live(state), Command::Redefine(definition)) => {
                let mut problems = Vec::new();
                definition.check("", &mut problems);
                refuse(problems)?;
                Ok(if definition == state.definition {
                    Vec::new()
                } else {
                    vec![MetricEvent::Redefined { definition, version: state.version + 1 }]
                })
            }
            (Self::Live(state), Command::ChangeDetails(details)) => state.changed_details(details),
        }
    }
}

impl CreateMetric {
    fn check(&self) -> Result<(), MetricError> {
        let mut problems = Vec::new();
        check_name("/name", &self.name, &mut problems);
        check_description("/description", &self.description, &mut problems);
        check_tags("/tags", &self.tags, &mut problems);
        self.definition.check("/definition", &mut problems);
        refuse(problems)
    }
}

fn refuse(problems: Vec<Problem>) -> Result<(), MetricError> {
    if problems.is_empty() { Ok(()) } else { Err(MetricError::Invalid(problems)) }
}

impl Aggregate for Metric {
    const TYPE: &'static str = "metric";
    type Command = MetricCommand;
    type Event = MetricEvent;
    type Error = MetricError;
    type Services = ();

    async fn handle(
        &mut self,
        command: MetricCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MetricError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: MetricEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, MetricEvent::Created(new)) => Self::Live(new.into_state()),
            (Self::Live(state), MetricEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), MetricEvent::Restored {}) => Self::Live(state),
            (Self::Live(mut state), event) => {
                state.apply(event);
                Self::Live(state)
            }
            (unchanged, _) => unchanged,
        };
    }
}
