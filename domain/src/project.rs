//! A project: what groups environments, flags and segments.
//!
//! It also holds what flags, segments and experiments mention. A rule that mentions a segment, or a prerequisite
//! on a flag, is decided by two aggregates that know nothing of each other; were each checked alone, two changes
//! at the same time could close a cycle, or leave a rule that mentions what was archived meanwhile. So whatever
//! changes a mention is committed together with an event of the project, in one atomic batch, and the project's
//! sequence puts such changes in an order.

mod references;

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, FlagKey, OrganizationId, Problem, ProjectId, ProjectKey, VariationKey, aggregate,
    problem,
    text::{check_description, check_name},
};
pub use references::{Item, References};

/// A project's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Project {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(ProjectState),
}

/// What a project is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectState {
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// Its key, unique in the organization.
    pub key: ProjectKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What each flag and segment mentions; those that mention nothing are not in it.
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub references: BTreeMap<Item, References>,
    /// Flags and segments that are archived, so nothing may mention them.
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub retired: BTreeSet<Item>,
}

impl ProjectState {
    /// Its id.
    pub fn id(&self) -> ProjectId {
        ProjectId::of(self.organization, &self.key)
    }

    /// The flags and segments that mention an item.
    pub fn used_by<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        self.references
            .iter()
            .filter(|(_, references)| references.mention(item))
            .map(|(user, _)| user)
    }
}

/// What can be asked of a project.
#[derive(Debug, Clone, PartialEq)]
pub enum ProjectCommand {
    /// Make it.
    Create {
        /// Whose it is.
        organization: OrganizationId,
        /// Its key.
        key: ProjectKey,
        /// What people call it.
        name: String,
        /// What it is for.
        description: String,
    },
    /// Change name or description; what is absent stays.
    ChangeDetails {
        /// The new name.
        name: Option<String>,
        /// The new description.
        description: Option<String>,
    },
    /// A flag or segment now mentions these.
    SetReferences {
        /// Which.
        item: Item,
        /// All that it mentions.
        references: References,
    },
    /// A flag or segment is archived; refused while something mentions it.
    Retire {
        /// Which.
        item: Item,
    },
    /// A flag or segment is back from the archive.
    Reinstate {
        /// Which.
        item: Item,
        /// All that it mentions.
        references: References,
    },
    /// Variations of a flag are removed; refused while something mentions one.
    RetireVariations {
        /// Whose.
        flag: FlagKey,
        /// Which.
        variations: BTreeSet<VariationKey>,
    },
}

/// What happened to a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ProjectEvent {
    /// It was made.
    #[serde(rename = "project.created")]
    Created {
        /// Whose it is.
        organization: OrganizationId,
        /// Its key.
        key: ProjectKey,
        /// What people call it.
        name: String,
        /// What it is for.
        description: String,
    },
    /// It has another name.
    #[serde(rename = "project.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "project.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// A flag or segment mentions other things than before.
    #[serde(rename = "project.references_replaced")]
    ReferencesReplaced {
        /// Which.
        item: Item,
        /// All that it mentions now.
        references: References,
    },
    /// A flag or segment was archived.
    #[serde(rename = "project.item_retired")]
    ItemRetired {
        /// Which.
        item: Item,
    },
    /// A flag or segment came back from the archive.
    #[serde(rename = "project.item_reinstated")]
    ItemReinstated {
        /// Which.
        item: Item,
        /// All that it mentions.
        references: References,
    },
    /// Variations of a flag were removed.
    #[serde(rename = "project.variations_retired")]
    VariationsRetired {
        /// Whose.
        flag: FlagKey,
        /// Which.
        variations: BTreeSet<VariationKey>,
    },
}

impl DomainEvent for ProjectEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "project.created",
            Self::Renamed { .. } => "project.renamed",
            Self::Described { .. } => "project.described",
            Self::ReferencesReplaced { .. } => "project.references_replaced",
            Self::ItemRetired { .. } => "project.item_retired",
            Self::ItemReinstated { .. } => "project.item_reinstated",
            Self::VariationsRetired { .. } => "project.variations_retired",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a project's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProjectError {
    /// There is no such project.
    #[error("there is no such project")]
    NotFound,
    /// The key is taken.
    #[error("the organization already has a project `{0}`")]
    AlreadyExists(ProjectKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
    /// Mentions would go round in a circle.
    #[error("{} would depend on itself: {}", .0[0], path(.0))]
    Cycle(Vec<Item>),
    /// It cannot be archived, others mention it.
    #[error("{item} is used by {}; remove it there first", list(by))]
    StillUsed {
        /// What.
        item: Item,
        /// By whom.
        by: Vec<Item>,
    },
    /// A variation cannot be removed, others wait for it.
    #[error(
        "variation `{variation}` of flag `{flag}` is used by {}; remove it there first",
        list(by)
    )]
    VariationStillUsed {
        /// Whose.
        flag: FlagKey,
        /// Which.
        variation: VariationKey,
        /// By whom.
        by: Vec<Item>,
    },
    /// What is mentioned is archived.
    #[error("{0} is archived; restore it first or leave it out")]
    Retired(Item),
}

impl ProjectError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1110",
            Self::AlreadyExists(_) => "FF-1111",
            Self::Invalid(_) => "FF-1112",
            Self::Cycle(_) => "FF-1113",
            Self::StillUsed { .. } => "FF-1114",
            Self::VariationStillUsed { .. } => "FF-1115",
            Self::Retired(_) => "FF-1116",
        }
    }
}

fn list(items: &[Item]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn path(items: &[Item]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

impl Decision for Project {
    fn decide(&self, command: ProjectCommand, _: &()) -> Result<Vec<ProjectEvent>, ProjectError> {
        use ProjectCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create { organization, key, name, description }) => {
                check(Some(&name), Some(&description))?;
                Ok(vec![ProjectEvent::Created { organization, key, name, description }])
            }
            (Self::Absent, _) => Err(ProjectError::NotFound),
            (Self::Live(_), Command::Create { key, .. }) => Err(ProjectError::AlreadyExists(key)),
            (Self::Live(project), Command::ChangeDetails { name, description }) => {
                check(name.as_ref(), description.as_ref())?;
                let renamed = name
                    .filter(|new| *new != project.name)
                    .map(|name| ProjectEvent::Renamed { name });
                let described = description
                    .filter(|new| *new != project.description)
                    .map(|description| ProjectEvent::Described { description });
                Ok(renamed.into_iter().chain(described).collect())
            }
            (Self::Live(project), Command::SetReferences { item, references }) => {
                if project.references.get(&item).unwrap_or(&References::default()) == &references {
                    return Ok(Vec::new());
                }
                project.check_references(&item, &references)?;
                Ok(vec![ProjectEvent::ReferencesReplaced { item, references }])
            }
            (Self::Live(project), Command::Retire { item }) => {
                let by: Vec<Item> = project.used_by(&item).cloned().collect();
                if by.is_empty() {
                    Ok(vec![ProjectEvent::ItemRetired { item }])
                } else {
                    Err(ProjectError::StillUsed { item, by })
                }
            }
            (Self::Live(project), Command::Reinstate { item, references }) => {
                project.check_references(&item, &references)?;
                Ok(vec![ProjectEvent::ItemReinstated { item, references }])
            }
            (Self::Live(project), Command::RetireVariations { flag, variations }) => {
                for variation in &variations {
                    let by: Vec<Item> = project
                        .references
                        .iter()
                        .filter(|(_, references)| references.mention_variation(&flag, variation))
                        .map(|(user, _)| user.clone())
                        .collect();
                    if !by.is_empty() {
                        return Err(ProjectError::VariationStillUsed {
                            flag,
                            variation: variation.clone(),
                            by,
                        });
                    }
                }
                Ok(vec![ProjectEvent::VariationsRetired { flag, variations }])
            }
        }
    }
}

fn check(name: Option<&String>, description: Option<&String>) -> Result<(), ProjectError> {
    let mut problems = Vec::new();
    if let Some(name) = name {
        check_name("/name", name, &mut problems);
    }
    if let Some(description) = description {
        check_description("/description", description, &mut problems);
    }
    if problems.is_empty() { Ok(()) } else { Err(ProjectError::Invalid(problems)) }
}

impl Aggregate for Project {
    const TYPE: &'static str = "project";
    type Command = ProjectCommand;
    type Event = ProjectEvent;
    type Error = ProjectError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ProjectCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ProjectError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: ProjectEvent) {
        match (self, event) {
            (
                this @ Self::Absent,
                ProjectEvent::Created { organization, key, name, description },
            ) => {
                *this = Self::Live(ProjectState {
                    organization,
                    key,
                    name,
                    description,
                    references: BTreeMap::new(),
                    retired: BTreeSet::new(),
                });
            }
            (Self::Live(project), event) => project.apply(event),
            (Self::Absent, _) => {}
        }
    }
}

impl ProjectState {
    fn apply(&mut self, event: ProjectEvent) {
        match event {
            ProjectEvent::Created { .. } | ProjectEvent::VariationsRetired { .. } => {}
            ProjectEvent::Renamed { name } => self.name = name,
            ProjectEvent::Described { description } => self.description = description,
            ProjectEvent::ReferencesReplaced { item, references } => {
                self.put_references(item, references);
            }
            ProjectEvent::ItemRetired { item } => {
                self.references.remove(&item);
                self.retired.insert(item);
            }
            ProjectEvent::ItemReinstated { item, references } => {
                self.retired.remove(&item);
                self.put_references(item, references);
            }
        }
    }

    fn put_references(&mut self, item: Item, references: References) {
        if references.is_empty() {
            self.references.remove(&item);
        } else {
            self.references.insert(item, references);
        }
    }
}
