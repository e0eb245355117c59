//! Keeps the snapshots of experiments that are under way as new as the telemetry, and watches their guardrails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::host::Host;
use crate::plan::{ExperimentPlan, Status};
use crate::report;
use crate::store::{Progress, Store};

/// How long it waits after having looked at everything.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it asks which experiments there are.
const PLANS_EVERY: Duration = Duration::from_secs(2);
/// How long it waits when something cannot be reached.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an experiment's snapshots are made of, so that they need not be made again from the same.
#[derive(Debug, PartialEq)]
struct Seen {
    plan: ExperimentPlan,
    telemetry: u64,
}

impl Seen {
    /// Other commits of the log change its position, and nothing about the experiment.
    fn new(plan: &ExperimentPlan, telemetry: u64) -> Self {
        Self { plan: ExperimentPlan { position: String::new(), ..plan.clone() }, telemetry }
    }
}

/// Runs until `shutdown`.
pub(crate) async fn run<H: Host>(host: Arc<H>, store: Store, shutdown: CancellationToken) {
    let mut refresher =
        Refresher { host, store, plans: Vec::new(), asked: None, seen: HashMap::new() };
    let work = async {
        loop {
            match refresher.round().await {
                Ok(()) => sleep(PAUSE).await,
                Err(error) => {
                    metrics::counter!("ff_analytics_refresh_failures_total").increment(1);
                    tracing::warn!(error = &*error, "the results of experiments are not refreshed");
                    sleep(PATIENCE).await;
                }
            }
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = work => {}
    }
}

struct Refresher<H> {
    host: Arc<H>,
    store: Store,
    plans: Vec<ExperimentPlan>,
    asked: Option<Instant>,
    seen: HashMap<Uuid, Seen>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<H: Host> Refresher<H> {
    async fn round(&mut self) -> Result<(), Failure> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= PLANS_EVERY) {
            self.plans = self.host.active().await?;
            self.asked = Some(Instant::now());
            let plans = &self.plans;
            self.seen.retain(|id, _| plans.iter().any(|plan| plan.id == *id));
        }
        let written = self.store.written().await?;
        let mut failed = None;
        for plan in &self.plans {
            let now = Seen::new(plan, written.position);
            if self.seen.get(&plan.id) == Some(&now) {
                continue;
            }
            match refresh(&*self.host, &self.store, plan, &written).await {
                Ok(()) => {
                    self.seen.insert(plan.id, now);
                }
                // One experiment that cannot be computed must not keep the others from it.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

async fn refresh<H: Host>(
    host: &H,
    store: &Store,
    plan: &ExperimentPlan,
    written: &Progress,
) -> Result<(), Failure> {
    let began = Instant::now();
    let report = store.refresh(plan).await?;
    metrics::histogram!("ff_analytics_refresh_seconds").record(began.elapsed().as_secs_f64());
    tracing::debug!(
        experiment = %plan.key,
        telemetry.position = written.position,
        affected.users = report.affected_users,
        took_ms = began.elapsed().as_millis(),
        "refreshed an experiment"
    );
    if plan.status != Status::Running || !plan.has_guardrails() {
        return Ok(());
    }
    let Some(figures) = store.latest(plan).await? else { return Ok(()) };
    let judged = plan.clone();
    let breaches =
        tokio::task::spawn_blocking(move || report::results(&judged, Some(&figures)).breaches())
            .await?;
    for breach in breaches {
        host.breached(plan, &breach).await?;
    }
    Ok(())
}
