//! Experiments: the list with search, filters and two orders, and the details.

use ff_domain::{
    EnvironmentKey, ExperimentId, ExperimentKey, ExperimentState, FlagKey, MetricKey, ProjectId,
    UserId, experiment::Status,
};
use ff_eventlog::Position;
use jiff::Timestamp;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{
    Document, Page, Queries, Slice, StateFilter,
    narrow::{After, Order, narrow},
    rows::{Columns, Common},
};
use crate::{QueryError, name::Schema};

/// Which experiments of a project, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExperimentFilter {
    /// A text in key, name or hypothesis, whatever its case.
    pub search: Option<String>,
    /// Words that all are among the tags.
    pub tags: Vec<String>,
    /// Where in their life they are; anywhere if empty.
    pub status: Vec<Status>,
    /// The flag they are about.
    pub flag: Option<FlagKey>,
    /// Where they run.
    pub environment: Option<EnvironmentKey>,
    /// A metric that they are measured by.
    pub metric: Option<MetricKey>,
    /// Who looks after them.
    pub owner: Option<UserId>,
    /// Whether archived ones are in.
    pub state: StateFilter,
    /// The order.
    pub sort: ExperimentSort,
}

/// The order of a list of experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExperimentSort {
    /// By key, upwards.
    #[default]
    Key,
    /// What was changed last comes first.
    Updated,
}

/// An experiment in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentRow {
    /// Its id.
    pub id: ExperimentId,
    /// Its key.
    pub key: ExperimentKey,
    /// What people call it.
    pub name: String,
    /// What is expected, and why.
    pub hypothesis: String,
    /// Where in its life it is.
    pub status: Status,
    /// The flag it is about.
    pub flag: FlagKey,
    /// Where it runs.
    pub environment: EnvironmentKey,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Number of the iteration that goes on, or was the last.
    pub iteration: Option<u32>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When its last iteration ended.
    pub ended_at: Option<Timestamp>,
    /// Whether it is put away.
    pub archived: bool,
    /// The number of its commits.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

impl ExperimentSort {
    fn order(self) -> Order {
        match self {
            Self::Key => Order::Key,
            Self::Updated => Order::Updated,
        }
    }

    /// The list's name in its cursors.
    fn list(self) -> &'static str {
        match self {
            Self::Key => "experiments",
            Self::Updated => "experiments-updated",
        }
    }
}

impl Queries {
    /// The experiments of a project.
    pub async fn experiments(
        &self,
        project: ProjectId,
        filter: &ExperimentFilter,
        page: &Page,
    ) -> Result<Slice<ExperimentRow>, QueryError> {
        let list = filter.sort.list();
        let after = filter.sort.order().after(list, page)?;
        let rows = self
            .rows(|schema| select(schema, project, filter, after.as_ref(), page.fetch()))
            .await?;
        let found = rows.iter().map(experiment_row).collect::<Result<Vec<_>, _>>()?;
        Ok(match filter.sort {
            ExperimentSort::Key => Slice::cut(found, page, list, |row| row.key.to_string()),
            ExperimentSort::Updated => {
                Slice::cut(found, page, list, |row| (row.updated_at, row.id))
            }
        })
    }

    /// An experiment in full.
    pub async fn experiment(
        &self,
        id: ExperimentId,
    ) -> Result<Option<Document<ExperimentState>>, QueryError> {
        self.document("experiment", "experiments", id.0).await
    }
}

fn select<'q>(
    schema: Schema,
    project: ProjectId,
    filter: &'q ExperimentFilter,
    after: Option<&'q After>,
    limit: i64,
) -> QueryBuilder<'q, Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT id, key, name, hypothesis, status, flag, environment, owner, tags, iteration, \
         started_at, ended_at, archived, version, created_at, updated_at, position \
         FROM {schema}.experiments WHERE project = "
    ));
    query.push_bind(project.0);
    narrow(&mut query, filter.state, filter.search.as_deref(), &filter.tags);
    if !filter.status.is_empty() {
        let names: Vec<&str> = filter.status.iter().map(|status| status.as_str()).collect();
        query.push(" AND status = ANY (").push_bind(names).push(")");
    }
    if let Some(flag) = &filter.flag {
        query.push(" AND flag = ").push_bind(flag.as_str());
    }
    if let Some(environment) = &filter.environment {
        query.push(" AND environment = ").push_bind(environment.as_str());
    }
    if let Some(metric) = &filter.metric {
        query.push(" AND ").push_bind(metric.as_str()).push(" = ANY (metrics)");
    }
    if let Some(owner) = filter.owner {
        query.push(" AND owner = ").push_bind(owner.0);
    }
    filter.sort.order().end(&mut query, after, limit);
    query
}

fn experiment_row(row: &PgRow) -> Result<ExperimentRow, QueryError> {
    let columns = Columns::new("experiment", row)?;
    let Common { version, created_at, updated_at, position } = columns.common()?;
    let time = |column| columns.get::<Option<jiff_sqlx::Timestamp>>(column);
    Ok(ExperimentRow {
        id: ExperimentId(columns.id),
        key: columns.named("key")?,
        name: columns.get("name")?,
        hypothesis: columns.get("hypothesis")?,
        status: columns.named("status")?,
        flag: columns.named("flag")?,
        environment: columns.named("environment")?,
        owner: columns.get::<Option<Uuid>>("owner")?.map(UserId),
        tags: columns.get("tags")?,
        iteration: columns
            .get::<Option<i64>>("iteration")?
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX)),
        started_at: time("started_at")?.map(jiff_sqlx::Timestamp::to_jiff),
        ended_at: time("ended_at")?.map(jiff_sqlx::Timestamp::to_jiff),
        archived: columns.get("archived")?,
        version,
        created_at,
        updated_at,
        position,
    })
}
