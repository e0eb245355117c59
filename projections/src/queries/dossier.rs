//! What an analysis must know of an experiment: all of it as of one position, so that whoever asks again as of that
//! position gets the same.

use std::{collections::BTreeSet, time::Duration};

use ff_domain::{
    EnvironmentId, Experiment, ExperimentId, ExperimentKey, ExperimentState, Flag, FlagId, Metric,
    MetricId, MetricKey, MetricState, OrganizationId, Project, ProjectId,
    experiment::{Measures, Status},
};
use ff_eventlog::Position;
use serde::de::DeserializeOwned;
use sqlx::{Executor as _, PgConnection, QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Document, Queries, catalog::DOCUMENT, rows::Columns};
use crate::{ProjectionName, QueryError, name::Schema};

/// How long after its end an experiment may still change: as long as telemetry is kept.
const FOLLOWED: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// An experiment with all that its analysis depends on, as of one position of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// Its organization.
    pub organization: OrganizationId,
    /// What it is.
    pub experiment: ExperimentState,
    /// Whether it is put away.
    pub archived: bool,
    /// The number of its commits.
    pub version: u64,
    /// What all of this is as of; to ask for it again gives the same.
    pub position: Position,
    /// The number of its flag's commits.
    pub flag_version: u64,
    /// The metrics it is measured by, each with the number of its commits: primary ones first, then secondary ones,
    /// then guardrails, each once.
    pub metrics: Vec<(MetricState, u64)>,
    /// The id of the environment it runs in.
    pub environment_id: EnvironmentId,
}

/// An experiment whose results may still change.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveExperiment {
    /// Its organization.
    pub organization: OrganizationId,
    /// Its project.
    pub project: ProjectId,
    /// Its id.
    pub id: ExperimentId,
    /// Its key.
    pub key: ExperimentKey,
    /// The id of the environment it runs in.
    pub environment_id: EnvironmentId,
    /// Where in its life it is.
    pub status: Status,
    /// The number of its commits.
    pub version: u64,
    /// The commit that changed it last.
    pub position: Position,
}

impl Queries {
    /// What an analysis must know of an experiment, now or as of a position. None if there is (or was) no such
    /// experiment, or the project is not of that organization.
    pub async fn experiment_dossier(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        key: &ExperimentKey,
        at: Option<Position>,
    ) -> Result<Option<Dossier>, QueryError> {
        match at {
            Some(position) => self.past_dossier(organization, project, key, position).await,
            None => {
                self.read(ProjectionName::Catalog, |schema| {
                    self.present_dossier(schema, organization, project, key)
                })
                .await
            }
        }
    }

    /// The experiments of all organizations whose results may still change: those that run or are paused, and those
    /// that ended within the last 400 days, because events may count for as long, and may be late.
    pub async fn active_experiments(&self) -> Result<Vec<ActiveExperiment>, QueryError> {
        let rows = self
            .rows(|schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT e.id, p.organization, e.project, e.key, e.environment, e.status, \
                     e.version, e.position FROM {schema}.experiments e \
                     JOIN {schema}.projects p ON p.id = e.project \
                     WHERE e.status IN ('running', 'paused') OR (e.status IN ('stopped', 'decided') \
                     AND e.ended_at > now() - make_interval(secs => "
                ));
                query.push_bind(FOLLOWED.as_secs_f64());
                query.push(")) ORDER BY p.organization, e.project, e.key");
                query
            })
            .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns::new("experiment", row)?;
                let project = ProjectId(columns.get("project")?);
                Ok(ActiveExperiment {
                    organization: OrganizationId(columns.get("organization")?),
                    project,
                    id: ExperimentId(columns.id),
                    key: columns.named("key")?,
                    environment_id: EnvironmentId::of(project, &columns.named("environment")?),
                    status: columns.named("status")?,
                    version: columns.get::<i64>("version")?.cast_unsigned(),
                    position: columns.position()?,
                })
            })
            .collect()
    }

    async fn past_dossier(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        key: &ExperimentKey,
        position: Position,
    ) -> Result<Option<Dossier>, QueryError> {
        match self.as_of::<Project>(project.0, position).await? {
            Some(Project::Live(state)) if state.organization == organization => {}
            _ => return Ok(None),
        }
        let id = ExperimentId::of(project, key);
        let Some(past) = self.past::<Experiment>(id.0, position).await? else { return Ok(None) };
        let archived = matches!(past.aggregate, Experiment::Archived(_));
        let Some(experiment) = past.aggregate.state().cloned() else { return Ok(None) };
        let flag = FlagId::of(project, &experiment.flag);
        let flag = self.past::<Flag>(flag.0, position).await?;
        let mut metrics = Vec::new();
        for key in in_order(&experiment.design.metrics) {
            let metric = self.past::<Metric>(MetricId::of(project, key).0, position).await?;
            let state = metric.as_ref().and_then(|metric| metric.aggregate.state()).cloned();
            metrics.extend(state.zip(metric.map(|metric| metric.version)));
        }
        Ok(Some(Dossier {
            organization,
            environment_id: EnvironmentId::of(project, &experiment.environment),
            experiment,
            archived,
            version: past.version,
            position,
            flag_version: flag.map_or(0, |flag| flag.version),
            metrics,
        }))
    }

    /// Read in one snapshot with the checkpoint, which says what it is as of.
    async fn present_dossier(
        &self,
        schema: Schema,
        organization: OrganizationId,
        project: ProjectId,
        key: &ExperimentKey,
    ) -> Result<Option<Dossier>, QueryError> {
        let mut snapshot = self.pool.begin().await.map_err(refused)?;
        let isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        snapshot.execute(isolation).await.map_err(refused)?;
        let position = checkpoint(&mut snapshot, schema).await?;
        let owners: i64 = sqlx::query_scalar(&format!(
            "SELECT count(*) FROM {schema}.projects WHERE id = $1 AND organization = $2"
        ))
        .bind(project.0)
        .bind(organization.0)
        .fetch_one(&mut *snapshot)
        .await
        .map_err(refused)?;
        let id = ExperimentId::of(project, key).0;
        let found: Vec<Document<ExperimentState>> =
            documents(&mut snapshot, schema, ("experiment", "experiments"), &[id]).await?;
        let Some(found) = found.into_iter().next().filter(|_| owners == 1) else {
            return Ok(None);
        };
        let experiment = found.state;
        let version_of_flag: Option<i64> =
            sqlx::query_scalar(&format!("SELECT version FROM {schema}.flags WHERE id = $1"))
                .bind(FlagId::of(project, &experiment.flag).0)
                .fetch_optional(&mut *snapshot)
                .await
                .map_err(refused)?;
        let keys = in_order(&experiment.design.metrics);
        let ids: Vec<Uuid> = keys.iter().map(|key| MetricId::of(project, key).0).collect();
        let mut metrics: Vec<Document<MetricState>> =
            documents(&mut snapshot, schema, ("metric", "metrics"), &ids).await?;
        metrics.sort_by_key(|metric| keys.iter().position(|key| **key == metric.state.key));
        snapshot.rollback().await.map_err(refused)?;
        Ok(Some(Dossier {
            organization,
            environment_id: EnvironmentId::of(project, &experiment.environment),
            experiment,
            archived: found.archived,
            version: found.version,
            position,
            flag_version: version_of_flag.map_or(0, i64::cast_unsigned),
            metrics: metrics.into_iter().map(|metric| (metric.state, metric.version)).collect(),
        }))
    }
}

/// All metrics by what they are for, each once.
fn in_order(measures: &Measures) -> Vec<&MetricKey> {
    let guardrails = measures.guardrails.iter().map(|guardrail| &guardrail.metric);
    let mut seen = BTreeSet::new();
    let all = measures.primary.iter().chain(&measures.secondary).chain(guardrails);
    all.filter(|key| seen.insert(*key)).collect()
}

fn refused(source: sqlx::Error) -> QueryError {
    QueryError::from_sql(ProjectionName::Catalog, source)
}

async fn checkpoint(connection: &mut PgConnection, schema: Schema) -> Result<Position, QueryError> {
    let row = sqlx::query(
        "SELECT position FROM projection.checkpoint WHERE name = $1 AND generation = $2",
    )
    .bind(schema.name.as_str())
    .bind(schema.generation)
    .fetch_optional(connection)
    .await
    .map_err(refused)?
    .ok_or(QueryError::NotBuilt { projection: schema.name })?;
    let position = row.try_get("position").map_err(refused)?;
    Ok(Position::from_i64(position).unwrap_or(Position::ZERO))
}

async fn documents<T: DeserializeOwned>(
    connection: &mut PgConnection,
    schema: Schema,
    (what, table): (&'static str, &'static str),
    ids: &[Uuid],
) -> Result<Vec<Document<T>>, QueryError> {
    let rows = sqlx::query(&format!("SELECT {DOCUMENT} FROM {schema}.{table} WHERE id = ANY ($1)"))
        .bind(ids)
        .fetch_all(connection)
        .await
        .map_err(refused)?;
    rows.iter().map(|row| Columns::new(what, row)?.document()).collect()
}
