//! The limits that everybody asks: shared where Redis answers, local otherwise.

use std::sync::Arc;

use crate::answer::{Denied, Left, Place, Refused, Standing, Verdict, whole_seconds};
use crate::local::Local;
use crate::measure::{Measure, SharedRecorder};
use crate::quota::Limit;
use crate::shared::{Redis, Shared};
use crate::subject::Subject;

/// Counts requests. Clones count together.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    local: Local,
    shared: Option<Shared>,
    measure: Measure,
}

/// Where requests are counted at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// On this replica, as it is set up.
    Local,
    /// By all replicas together.
    Shared,
    /// On this replica, as Redis does not answer.
    Alone,
}

impl Default for Limits {
    fn default() -> Self {
        Self::local()
    }
}

impl Limits {
    /// Limits of this replica alone.
    #[must_use]
    pub fn local() -> Self {
        Self::new(None, Measure::default())
    }

    /// The same, with metrics that go to a service's own recorder.
    #[must_use]
    pub fn local_to(recorder: SharedRecorder) -> Self {
        Self::new(None, Measure::to(Some(recorder)))
    }

    /// Limits that all replicas share which use the same Redis. It need not be there yet; what this waits for it is at
    /// most half a second.
    pub async fn shared(redis: Redis) -> Self {
        Self::start(Some(redis), None).await
    }

    /// Either, with metrics that go to a service's own recorder.
    pub async fn start(redis: Option<Redis>, recorder: Option<SharedRecorder>) -> Self {
        let measure = Measure::to(recorder);
        let shared = match redis {
            Some(redis) => Some(Shared::start(redis, &measure).await),
            None => None,
        };
        Self::new(shared, measure)
    }

    fn new(shared: Option<Shared>, measure: Measure) -> Self {
        Self(Arc::new(Inner { local: Local::default(), shared, measure }))
    }

    /// Takes `cost` from the quota of every subject that is asked for. A cost of 0 takes nothing, and asks whether one
    /// request would pass.
    ///
    /// # Errors
    /// When one of the limits refuses; then nothing is taken from any.
    pub async fn take(&self, asks: &[(&Limit, Subject)], cost: u32) -> Result<Left, Refused> {
        let Inner { local, shared, .. } = &*self.0;
        let verdict = match shared {
            Some(shared) if !asks.is_empty() => shared.take(asks, cost).await,
            _ => None,
        };
        let Some(Verdict { outcome, full_in }) = verdict else {
            return self.take_here(asks, cost);
        };
        local.follow(asks, &full_in);
        self.answer(asks, cost, Place::Shared, outcome)
    }

    /// The same of what this replica counts alone, at once and whether there is a Redis or not: for work that costs less
    /// than asking does.
    ///
    /// # Errors
    /// When one of the limits refuses; then nothing is taken from any.
    pub fn take_here(&self, asks: &[(&Limit, Subject)], cost: u32) -> Result<Left, Refused> {
        self.answer(asks, cost, Place::Local, self.0.local.take(asks, cost))
    }

    fn answer(
        &self,
        asks: &[(&Limit, Subject)],
        cost: u32,
        from: Place,
        outcome: Result<Vec<u32>, Denied>,
    ) -> Result<Left, Refused> {
        let left = outcome.map_err(|denied| self.refuse(asks, denied))?;
        let standing = |(&(limit, subject), left): (&(&Limit, Subject), u32)| Standing {
            limit: *limit,
            subject,
            left,
            taken: cost,
            from,
        };
        Ok(Left { standings: asks.iter().zip(left).map(standing).collect() })
    }

    /// Whether one request would pass, as far as this replica knows without asking anybody: for a door where much work
    /// comes before the number that is to be taken is known.
    ///
    /// # Errors
    /// When one of the limits refuses.
    pub fn glance(&self, asks: &[(&Limit, Subject)]) -> Result<(), Refused> {
        self.0.local.glance(asks).map_err(|denied| self.refuse(asks, denied))
    }

    fn refuse(&self, asks: &[(&Limit, Subject)], Denied { by, wait }: Denied) -> Refused {
        let by = *asks[by].0;
        self.0.measure.refused(by.name());
        let limits = asks.iter().map(|(limit, _)| **limit).collect();
        Refused { limits, by, wait: whole_seconds(wait) }
    }

    /// Gives back what was taken and should not have counted. What was shared and cannot be given back, because Redis
    /// does not answer, comes back with time.
    pub async fn give_back(&self, left: Left) {
        let Inner { local, shared, .. } = &*self.0;
        let (here, there): (Vec<_>, Vec<_>) = left
            .standings
            .into_iter()
            .filter(|standing| standing.taken > 0)
            .partition(|standing| standing.from == Place::Local);
        for Standing { limit, subject, taken, .. } in here {
            local.give_back(&limit, subject, taken);
        }
        if let Some(shared) = shared
            && !there.is_empty()
        {
            let asks: Vec<_> = there.iter().map(|it| (&it.limit, it.subject)).collect();
            if let Some(full_in) = shared.give_back(&there).await {
                local.follow(&asks, &full_in);
            }
        }
    }

    /// Where requests are counted at the moment.
    #[must_use]
    pub fn health(&self) -> Health {
        match &self.0.shared {
            None => Health::Local,
            Some(shared) if shared.is_up() => Health::Shared,
            Some(_) => Health::Alone,
        }
    }
}
