//! What surrounds an aggregate: other aggregates of its organization that a decision depends on.

use std::{future::ready, sync::Arc};

use ff_domain::{Organization, OrganizationId, Project};
use ff_eventlog::{EventLog, Freshness, Loaded, LogError};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::{Executable, Parent, Target, executor::Shared};

/// How many aggregates are looked up at once.
const LOOK_UPS: usize = 16;

/// Looks up what a decision depends on, always as the leader of the log has it.
pub struct Surroundings<'a, L> {
    shared: &'a Shared<L>,
    org: OrganizationId,
    at: Timestamp,
}

impl<'a, L: EventLog> Surroundings<'a, L> {
    pub(crate) fn new(shared: &'a Shared<L>, org: OrganizationId, at: Timestamp) -> Self {
        Self { shared, org, at }
    }

    /// The organization.
    pub fn org(&self) -> OrganizationId {
        self.org
    }

    /// When the command is decided.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// One aggregate.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn load<A: Executable>(&self, id: A::Id) -> Result<Arc<Loaded<A>>, LogError> {
        let cell = self.shared.cell(Target::<A>::new(self.org, id));
        self.shared.refresh(&cell, Freshness::Leader).await
    }

    /// What `read` finds in several aggregates, each under the name that was given with its id.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn look_up<A: Executable, Name: Send, Found: Send>(
        &self,
        named: impl IntoIterator<Item = (Name, A::Id)>,
        read: impl Fn(&A) -> Option<Found> + Send + Sync,
    ) -> Result<Vec<(Name, Found)>, LogError> {
        let read = &read;
        let look_ups: Vec<_> = named
            .into_iter()
            .map(|(name, id)| async move {
                let loaded = self.load::<A>(id).await?;
                Ok(read(&loaded.aggregate).map(|found| (name, found)))
            })
            .collect();
        stream::iter(look_ups)
            .buffer_unordered(LOOK_UPS)
            .try_filter_map(|found| ready(Ok(found)))
            .try_collect()
            .await
    }

    /// Whether there is something for a new aggregate to belong to.
    pub(crate) async fn has(&self, parent: Parent) -> Result<bool, LogError> {
        match parent {
            Parent::Organization => {
                self.exists(self.org, |found| matches!(found, Organization::Live(_))).await
            }
            Parent::Project(id) => self.exists(id, |found| matches!(found, Project::Live(_))).await,
        }
    }

    /// Organizations and projects stay for ever once they exist, so one that was seen need not be asked for.
    async fn exists<A: Executable>(
        &self,
        id: A::Id,
        live: fn(&A) -> bool,
    ) -> Result<bool, LogError> {
        let cell = self.shared.cell(Target::<A>::new(self.org, id));
        if live(&cell.get().aggregate) {
            return Ok(true);
        }
        Ok(live(&self.shared.refresh(&cell, Freshness::Leader).await?.aggregate))
    }
}
