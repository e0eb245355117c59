//! Organizations, projects, environments and segments.

use ff_domain::{
    EnvironmentId, EnvironmentState, Item, OrganizationId, OrganizationState, ProjectId,
    ProjectKey, ProjectState, SegmentId, SegmentState, UserId,
};
use serde::de::DeserializeOwned;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{
    Document, Page, ProjectRow, Queries, SegmentRow, Slice, StateFilter,
    narrow::narrow,
    rows::{Columns, Common},
};
use crate::{ProjectionName, QueryError, name::Schema};

pub(super) const DOCUMENT: &str =
    "id, archived, version, created_at, updated_at, position, document::text AS document";

/// Which segments of a project. They come by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentFilter {
    /// A text in key, name or description, whatever its case.
    pub search: Option<String>,
    /// Words that all are among the tags.
    pub tags: Vec<String>,
    /// Whether archived ones are in.
    pub state: StateFilter,
}

impl Queries {
    /// The organizations that a person belongs to, by key.
    pub async fn organizations_of(
        &self,
        user: UserId,
    ) -> Result<Vec<Document<OrganizationState>>, QueryError> {
        self.documents("organization", |schema| {
            let mut query = QueryBuilder::new(format!(
                "SELECT {DOCUMENT} FROM {schema}.organizations WHERE id IN \
                 (SELECT organization FROM {schema}.memberships WHERE NOT archived AND user_id = "
            ));
            query.push_bind(user.0).push(") ORDER BY key");
            query
        })
        .await
    }

    /// An organization.
    pub async fn organization(
        &self,
        id: OrganizationId,
    ) -> Result<Option<Document<OrganizationState>>, QueryError> {
        self.document("organization", "organizations", id.0).await
    }

    /// The projects of an organization, by key: all, or those of `only` that there are.
    pub async fn projects(
        &self,
        organization: OrganizationId,
        only: Option<&[ProjectId]>,
        page: &Page,
    ) -> Result<Slice<ProjectRow>, QueryError> {
        let after: Option<String> = page.begin("projects")?;
        let rows = self
            .rows(|schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT id, organization, key, name, description, version, created_at, \
                     updated_at, position FROM {schema}.projects WHERE organization = "
                ));
                query.push_bind(organization.0);
                if let Some(only) = only {
                    let only: Vec<_> = only.iter().map(|id| id.0).collect();
                    query.push(" AND id = ANY(").push_bind(only).push(")");
                }
                if let Some(key) = &after {
                    query.push(" AND key > ").push_bind(key);
                }
                query.push(" ORDER BY key LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        let projects = rows.iter().map(project_row).collect::<Result<_, _>>()?;
        Ok(Slice::cut(projects, page, "projects", |project: &ProjectRow| project.key.clone()))
    }

    /// A project by its key.
    pub async fn project(
        &self,
        organization: OrganizationId,
        key: &ProjectKey,
    ) -> Result<Option<Document<ProjectState>>, QueryError> {
        self.project_by_id(ProjectId::of(organization, key)).await
    }

    /// A project.
    pub async fn project_by_id(
        &self,
        id: ProjectId,
    ) -> Result<Option<Document<ProjectState>>, QueryError> {
        self.document("project", "projects", id.0).await
    }

    /// What of a project mentions one of its flags, segments or metrics.
    pub async fn used_by(&self, project: ProjectId, item: &Item) -> Result<Vec<Item>, QueryError> {
        let project = self.project_by_id(project).await?;
        Ok(project.map_or_else(Vec::new, |project| project.state.used_by(item).cloned().collect()))
    }

    /// The environments of a project, archived ones too, by key.
    pub async fn environments(
        &self,
        project: ProjectId,
    ) -> Result<Vec<Document<EnvironmentState>>, QueryError> {
        self.documents("environment", |schema| {
            let mut query = QueryBuilder::new(format!(
                "SELECT {DOCUMENT} FROM {schema}.environments WHERE project = "
            ));
            query.push_bind(project.0).push(" ORDER BY key");
            query
        })
        .await
    }

    /// An environment.
    pub async fn environment(
        &self,
        id: EnvironmentId,
    ) -> Result<Option<Document<EnvironmentState>>, QueryError> {
        self.document("environment", "environments", id.0).await
    }

    /// The segments of a project, by key.
    pub async fn segments(
        &self,
        project: ProjectId,
        filter: &SegmentFilter,
        page: &Page,
    ) -> Result<Slice<SegmentRow>, QueryError> {
        let after: Option<String> = page.begin("segments")?;
        let rows = self
            .rows(|schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT id, key, name, description, tags, archived, version, created_at, \
                     updated_at, position FROM {schema}.segments WHERE project = "
                ));
                query.push_bind(project.0);
                narrow(&mut query, filter.state, filter.search.as_deref(), &filter.tags);
                if let Some(key) = &after {
                    query.push(" AND key > ").push_bind(key);
                }
                query.push(" ORDER BY key LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        let segments = rows.iter().map(segment_row).collect::<Result<_, _>>()?;
        Ok(Slice::cut(segments, page, "segments", |segment: &SegmentRow| segment.key.clone()))
    }

    /// A segment in full.
    pub async fn segment(
        &self,
        id: SegmentId,
    ) -> Result<Option<Document<SegmentState>>, QueryError> {
        self.document("segment", "segments", id.0).await
    }

    /// One document of a table.
    pub(super) async fn document<T: DeserializeOwned>(
        &self,
        what: &'static str,
        table: &'static str,
        id: Uuid,
    ) -> Result<Option<Document<T>>, QueryError> {
        let found = self
            .documents(what, |schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT {DOCUMENT} FROM {schema}.{table} WHERE id = "
                ));
                query.push_bind(id);
                query
            })
            .await?;
        Ok(found.into_iter().next())
    }

    pub(super) async fn documents<'q, T: DeserializeOwned>(
        &self,
        what: &'static str,
        query: impl Fn(Schema) -> QueryBuilder<'q, Postgres>,
    ) -> Result<Vec<Document<T>>, QueryError> {
        let rows = self.rows(query).await?;
        rows.iter().map(|row| Columns::new(what, row)?.document()).collect()
    }

    pub(super) async fn rows<'q>(
        &self,
        query: impl Fn(Schema) -> QueryBuilder<'q, Postgres>,
    ) -> Result<Vec<PgRow>, QueryError> {
        self.read(ProjectionName::Catalog, |schema| {
            let mut query = query(schema);
            async move {
                let rows = query.build().fetch_all(&self.pool).await;
                rows.map_err(|source| QueryError::from_sql(ProjectionName::Catalog, source))
            }
        })
        .await
    }
}

fn project_row(row: &PgRow) -> Result<ProjectRow, QueryError> {
    let columns = Columns::new("project", row)?;
    let Common { version, created_at, updated_at, position } = columns.common()?;
    Ok(ProjectRow {
        id: ProjectId(columns.id),
        organization: OrganizationId(columns.get("organization")?),
        key: columns.get("key")?,
        name: columns.get("name")?,
        description: columns.get("description")?,
        version,
        created_at,
        updated_at,
        position,
    })
}

fn segment_row(row: &PgRow) -> Result<SegmentRow, QueryError> {
    let columns = Columns::new("segment", row)?;
    let Common { version, created_at, updated_at, position } = columns.common()?;
    Ok(SegmentRow {
        id: SegmentId(columns.id),
        key: columns.get("key")?,
        name: columns.get("name")?,
        description: columns.get("description")?,
        tags: columns.get("tags")?,
        archived: columns.get("archived")?,
        version,
        created_at,
        updated_at,
        position,
    })
}
