//! Following the log.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use ff_domain::{OrganizationId, upcast::upcasters};
use ff_eventlog::{EventLog, LogError, Position, TailItem, Upcasters};
use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::organization::KINDS;
use super::{Heard, Rights};

impl Rights {
    /// Follows the log until `shutdown`. Nothing is decided before it has caught up for the first time.
    ///
    /// # Errors
    /// What ends the tail of a log: it was replaced by another.
    pub async fn follow<L: EventLog>(
        self: Arc<Self>,
        log: L,
        shutdown: CancellationToken,
    ) -> Result<(), LogError> {
        let upcasters: Upcasters = upcasters().into();
        let mut tail = log.tail_of(Position::ZERO, KINDS);
        let mut touched = BTreeSet::new();
        loop {
            let item = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                item = tail.next() => item,
            };
            match item {
                None => return Ok(()),
                Some(Ok(TailItem::Commit(recorded))) => {
                    let id = OrganizationId(recorded.commit.org);
                    let mut all =
                        self.organizations.write().unwrap_or_else(PoisonError::into_inner);
                    all.entry(id).or_default().apply(&recorded, &upcasters);
                    touched.insert(id);
                }
                Some(Ok(TailItem::CaughtUp(position))) => {
                    self.clone().put_into_force(std::mem::take(&mut touched)).await;
                    let heard = Heard { position, at: Some(Instant::now()) };
                    self.heard.send_replace(heard);
                }
                Some(Err(error @ LogError::Damaged(_))) => {
                    tracing::error!(%error, "a commit about rights is damaged and gives none");
                }
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// Makes what is known of these organizations decide. Building it is computing, and not for the threads that
    /// answer requests.
    async fn put_into_force(self: Arc<Self>, touched: BTreeSet<OrganizationId>) {
        if touched.is_empty() {
            return;
        }
        let build = move || {
            for id in touched {
                let policy = {
                    let all = self.organizations.read().unwrap_or_else(PoisonError::into_inner);
                    all.get(&id).map(|known| known.policy(id))
                };
                if let Some(policy) = policy {
                    self.access.replace(policy);
                }
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(build).await {
            tracing::error!(%error, "rights could not be put into force");
        }
    }
}
