//! What the analytics engine needs of the platform: definitions from the read models, callers let in by the control
//! plane's doorkeeper, and commands for guardrails that are crossed.

mod plan;

use std::{collections::HashMap, time::Duration};

use axum::{
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use ff_analytics::{
    host::{Host, HostError},
    plan::{ExperimentPlan, Metric, MetricKind, Status},
    report::Breach,
};
use ff_auth::{Permission, Scope};
use ff_commands::{Executor, ExecutorOptions, guardrail};
use ff_control::Doorkeeper;
use ff_domain::{
    ExperimentId, ExperimentKey, MetricKey, OrganizationId, OrganizationKey, ProjectId, ProjectKey,
    VariationKey, experiment,
};
use ff_eventlog::{JetStreamLog, Position};
use ff_projections::{Queries, QueryError};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgPool;
use tokio::sync::Mutex;

/// How long a question waits for the read models to come to what its asker has seen.
const PATIENCE: Duration = Duration::from_secs(2);

/// The platform around the analytics engine.
pub struct Platform {
    doorkeeper: Doorkeeper,
    queries: Queries,
    guardrails: guardrail::GuardrailManager<JetStreamLog>,
    /// Experiments that no event counts for any more, at these versions.
    settled: Mutex<HashMap<ExperimentId, u64>>,
}

impl Platform {
    /// Over this log and these read models.
    pub fn new(log: JetStreamLog, pool: PgPool, doorkeeper: Doorkeeper) -> Self {
        let commands = Executor::new(log, ExecutorOptions::default());
        Self {
            doorkeeper,
            queries: Queries::new(pool),
            guardrails: guardrail::GuardrailManager::new(commands),
            settled: Mutex::default(),
        }
    }

    async fn planned(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        experiment: &ExperimentKey,
        position: Option<Position>,
    ) -> Result<Option<ExperimentPlan>, HostError> {
        let dossier =
            self.queries.experiment_dossier(organization, project, experiment, position).await;
        let dossier = dossier.map_err(|error| refused(error, position))?;
        Ok(dossier.as_ref().map(plan::of))
    }
}

impl Host for Platform {
    async fn admit(
        &self,
        headers: &HeaderMap,
        organization: &str,
        project: &str,
    ) -> Result<(), Response> {
        let scope = |organization| {
            let project = ProjectKey::parse(project).ok()?;
            let id = ProjectId::of(organization, &project);
            Some(Scope::organization(organization.0).in_project(id.0))
        };
        self.doorkeeper
            .admit(headers, organization, Permission::ExperimentRead, scope)
            .map(|_| ())
            .map_err(|problem| problem.into_response())
    }

    async fn wait_for(&self, position: u64) -> Result<(), HostError> {
        let wanted = known(position).ok_or(HostError::UnknownPosition(position))?;
        match self.queries.wait_for(wanted, PATIENCE).await {
            Err(QueryError::Behind { .. }) => Err(HostError::Behind(position)),
            waited => waited.map_err(|error| refused(error, None)),
        }
    }

    async fn experiment(
        &self,
        organization: &str,
        project: &str,
        experiment: &str,
        position: Option<u64>,
    ) -> Result<Option<ExperimentPlan>, HostError> {
        let Some((organization, project)) = ids(organization, project) else { return Ok(None) };
        let Ok(experiment) = ExperimentKey::parse(experiment) else { return Ok(None) };
        let position = position
            .map(|asked| known(asked).ok_or(HostError::UnknownPosition(asked)))
            .transpose()?;
        self.planned(organization, project, &experiment, position).await
    }

    async fn active(&self) -> Result<Vec<ExperimentPlan>, HostError> {
        let active = self.queries.active_experiments().await.map_err(|e| refused(e, None))?;
        let mut plans = Vec::with_capacity(active.len());
        let now = Timestamp::now();
        for each in active {
            if self.settled.lock().await.get(&each.id) == Some(&each.version) {
                continue;
            }
            let found = self.planned(each.organization, each.project, &each.key, None).await?;
            let Some(plan) = found else { continue };
            if settled_at(&plan).is_some_and(|at| at < now) {
                self.settled.lock().await.insert(each.id, each.version);
            } else {
                plans.push(plan);
            }
        }
        Ok(plans)
    }

    async fn breached(&self, plan: &ExperimentPlan, breach: &Breach) -> Result<(), HostError> {
        let organization = OrganizationId(plan.organization);
        let project = ProjectId(plan.project);
        let Some(iteration) = plan.iterations.last() else { return Ok(()) };
        let Ok(key) = ExperimentKey::parse(&*plan.key) else { return Ok(()) };
        let dossier = self.queries.experiment_dossier(organization, project, &key, None).await;
        let dossier = dossier.map_err(|error| refused(error, None))?;
        let on_breach =
            dossier.as_ref().and_then(|d| plan::on_breach(&d.experiment, &breach.metric));
        let action = match on_breach {
            Some(experiment::Breach::Pause) => guardrail::Action::Pause,
            Some(experiment::Breach::TurnOff) => guardrail::Action::TurnOff,
            Some(experiment::Breach::Report) | None => return Ok(()),
        };
        let (Ok(metric), Ok(variation)) =
            (MetricKey::parse(&*breach.metric), VariationKey::parse(&*breach.variation))
        else {
            return Ok(());
        };
        let breach = guardrail::Breach {
            experiment: ExperimentId(plan.id),
            iteration: iteration.number,
            metric,
            variation,
            evidence: breach.evidence.clone(),
            action,
        };
        match self.guardrails.act(organization, &breach, Timestamp::now()).await {
            Ok(guardrail::Acted::Now(position)) => {
                metrics::counter!("ff_guardrails_acted_total").increment(1);
                tracing::warn!(
                    experiment = %plan.key,
                    %position,
                    evidence = breach.evidence,
                    "a guardrail was crossed, and acted on"
                );
                Ok(())
            }
            Ok(guardrail::Acted::Before(_) | guardrail::Acted::Moot) => Ok(()),
            Err(error) => Err(HostError::Unavailable(error.into())),
        }
    }
}

/// When no event counts any more for an experiment that has ended: after the longest time that a metric looks at users,
/// and a week for what is late.
fn settled_at(plan: &ExperimentPlan) -> Option<Timestamp> {
    const LATE: SignedDuration = SignedDuration::from_hours(7 * 24);
    let ended = plan.iterations.last()?.ended_at?;
    if matches!(plan.status, Status::Running | Status::Paused) {
        return None;
    }
    let hours = |metric: &Metric| match metric.kind {
        MetricKind::Retention { to_day, .. } => i64::from(to_day) * 24,
        _ => i64::from(metric.window_hours.unwrap_or(0)),
    };
    let longest = plan.metrics.iter().map(|used| hours(&used.metric)).max().unwrap_or(0);
    ended.checked_add(LATE + SignedDuration::from_hours(longest)).ok()
}

fn known(position: u64) -> Option<Position> {
    i64::try_from(position).ok().and_then(Position::from_i64)
}

fn ids(organization: &str, project: &str) -> Option<(OrganizationId, ProjectId)> {
    let organization = OrganizationId::of(&OrganizationKey::parse(organization).ok()?);
    Some((organization, ProjectId::of(organization, &ProjectKey::parse(project).ok()?)))
}

fn refused(error: QueryError, position: Option<Position>) -> HostError {
    match (&error, position) {
        (QueryError::Behind { .. }, Some(position)) => HostError::UnknownPosition(position.get()),
        _ => HostError::Unavailable(error.into()),
    }
}
