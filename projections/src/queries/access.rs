//! Who is let in: members, service accounts and keys.

use ff_domain::{
    ApiKeyId, EnvironmentId, MembershipId, MembershipState, OrganizationId, ServiceAccountId,
    ServiceAccountState, UserId,
};
use jiff_sqlx::Timestamp;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{
    ApiKeyRow, Document, Page, Queries, Slice, StateFilter,
    catalog::DOCUMENT,
    rows::{Columns, Common},
};
use crate::{QueryError, name::Schema};

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
