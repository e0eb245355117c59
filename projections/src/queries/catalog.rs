//! Organizations, projects, environments, segments, keys, memberships and service accounts.

use ff_domain::{
    ApiKeyId, EnvironmentId, EnvironmentState, Item, MembershipId, MembershipState, OrganizationId,
    OrganizationState, ProjectId, ProjectKey, ProjectState, SegmentId, SegmentState,
    ServiceAccountId, ServiceAccountState, UserId,
};
use jiff_sqlx::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{
    ApiKeyRow, Document, Page, ProjectRow, Queries, SegmentRow, Slice, StateFilter,
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

/// Which keys of an organization. What was made last comes first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiKeyFilter {
    /// Only SDK keys of this environment.
    pub environment: Option<EnvironmentId>,
    /// Only tokens of this person.
    pub owner: Option<UserId>,
    /// Only tokens of this service account.
    pub account: Option<ServiceAccountId>,
    /// Only those for this: the `kind` of their purpose.
    pub purpose: Option<String>,
    /// Whether revoked ones are in.
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

    /// The keys of an organization.
    pub async fn api_keys(
        &self,
        organization: OrganizationId,
        filter: &ApiKeyFilter,
        page: &Page,
    ) -> Result<Slice<ApiKeyRow>, QueryError> {
        let after: Option<(jiff::Timestamp, Uuid)> = page.begin("api-keys")?;
        let rows = self
            .rows(|schema| {
                let mut query = select_keys(schema, "organization", organization.0);
                if let Some(environment) = filter.environment {
                    query.push(" AND environment = ").push_bind(environment.0);
                }
                if let Some(owner) = filter.owner {
                    query.push(" AND owner = ").push_bind(owner.0);
                }
                if let Some(account) = filter.account {
                    query.push(" AND account = ").push_bind(account.0);
                }
                if let Some(purpose) = &filter.purpose {
                    query.push(" AND purpose->>'kind' = ").push_bind(purpose.clone());
                }
                if let Some(archived) = filter.state.archived() {
                    query.push(" AND archived = ").push_bind(archived);
                }
                if let Some((at, id)) = after {
                    query.push(" AND (created_at, id) < (").push_bind(Timestamp::from(at));
                    query.push(", ").push_bind(id).push(")");
                }
                query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        let keys = rows.iter().map(api_key_row).collect::<Result<_, _>>()?;
        Ok(Slice::cut(keys, page, "api-keys", |key: &ApiKeyRow| (key.created_at, key.id)))
    }

    /// A key.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyRow>, QueryError> {
        let rows = self.rows(|schema| select_keys(schema, "id", id.0)).await?;
        rows.first().map(api_key_row).transpose()
    }

    /// Who belongs to an organization, in the order they were first let in.
    pub async fn memberships(
        &self,
        organization: OrganizationId,
        page: &Page,
    ) -> Result<Slice<Document<MembershipState>>, QueryError> {
        let after: Option<(jiff::Timestamp, Uuid)> = page.begin("members")?;
        let found = self
            .documents("membership", |schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT {DOCUMENT} FROM {schema}.memberships WHERE NOT archived AND organization = "
                ));
                query.push_bind(organization.0);
                if let Some((at, id)) = after {
                    query.push(" AND (created_at, id) > (").push_bind(Timestamp::from(at));
                    query.push(", ").push_bind(id).push(")");
                }
                query.push(" ORDER BY created_at, id LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        Ok(Slice::cut(found, page, "members", |found: &Document<MembershipState>| {
            (found.created_at, found.state.id().0)
        }))
    }

    /// The service accounts of an organization, by key.
    pub async fn service_accounts(
        &self,
        organization: OrganizationId,
        state: StateFilter,
        page: &Page,
    ) -> Result<Slice<Document<ServiceAccountState>>, QueryError> {
        let after: Option<String> = page.begin("service-accounts")?;
        let found = self
            .documents("service account", |schema| {
                let mut query = QueryBuilder::new(format!(
                    "SELECT {DOCUMENT} FROM {schema}.service_accounts WHERE organization = "
                ));
                query.push_bind(organization.0);
                if let Some(archived) = state.archived() {
                    query.push(" AND archived = ").push_bind(archived);
                }
                if let Some(key) = &after {
                    query.push(" AND key > ").push_bind(key);
                }
                query.push(" ORDER BY key LIMIT ").push_bind(page.fetch());
                query
            })
            .await?;
        Ok(Slice::cut(found, page, "service-accounts", |found: &Document<ServiceAccountState>| {
            found.state.key.as_str().to_owned()
        }))
    }

    /// A service account.
    pub async fn service_account(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<Document<ServiceAccountState>>, QueryError> {
        self.document("service account", "service_accounts", id.0).await
    }

    /// A membership.
    pub async fn membership(
        &self,
        id: MembershipId,
    ) -> Result<Option<Document<MembershipState>>, QueryError> {
        self.document("membership", "memberships", id.0).await
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

fn select_keys<'q>(schema: Schema, by: &str, id: Uuid) -> QueryBuilder<'q, Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT id, organization, name, prefix, purpose::text AS purpose, expires_at, archived, \
         (document->'replaces'->>'key')::uuid AS replaces, \
         (document->>'replaced_by')::uuid AS replaced_by, \
         version, created_at, updated_at, position FROM {schema}.api_keys WHERE {by} = "
    ));
    query.push_bind(id);
    query
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

fn api_key_row(row: &PgRow) -> Result<ApiKeyRow, QueryError> {
    let columns = Columns::new("api key", row)?;
    let Common { version, created_at, updated_at, position } = columns.common()?;
    Ok(ApiKeyRow {
        id: ApiKeyId(columns.id),
        organization: OrganizationId(columns.get("organization")?),
        name: columns.get("name")?,
        purpose: columns.json("purpose")?,
        prefix: columns.get("prefix")?,
        expires_at: columns.get::<Option<Timestamp>>("expires_at")?.map(Timestamp::to_jiff),
        replaces: columns.get::<Option<Uuid>>("replaces")?.map(ApiKeyId),
        replaced_by: columns.get::<Option<Uuid>>("replaced_by")?.map(ApiKeyId),
        revoked: columns.get("archived")?,
        version,
        created_at,
        updated_at,
        position,
    })
}
