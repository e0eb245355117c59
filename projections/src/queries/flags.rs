//! Flags: the list with search, filters and two orders, and the details.

use ff_domain::{FlagId, FlagState, ProjectId, UserId, flag::Lifetime};
use ff_evaluator::ValueType;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use uuid::Uuid;

use super::{
    Document, FlagRow, Page, Queries, Slice, StateFilter,
    narrow::{After, Order, narrow},
    rows::{Columns, Common},
};
use crate::{QueryError, name::Schema};

/// Which flags of a project, and in which order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlagFilter {
    /// A text in key, name or description, whatever its case.
    pub search: Option<String>,
    /// Words that all are among the tags.
    pub tags: Vec<String>,
    /// What the values are.
    pub kind: Option<ValueType>,
    /// Whether archived ones are in.
    pub state: StateFilter,
    /// Whether it is meant to be removed one day.
    pub lifetime: Option<Lifetime>,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Whether client-side keys may see it.
    pub client_side: Option<bool>,
    /// The order.
    pub sort: FlagSort,
}

/// The order of a list of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlagSort {
    /// By key, upwards.
    #[default]
    Key,
    /// What was changed last comes first.
    Updated,
}

impl FlagSort {
    fn order(self) -> Order {
        match self {
            Self::Key => Order::Key,
            Self::Updated => Order::Updated,
        }
    }

    /// The list's name in its cursors.
    fn list(self) -> &'static str {
        match self {
            Self::Key => "flags",
            Self::Updated => "flags-updated",
        }
    }
}

impl Queries {
    /// The flags of a project.
    pub async fn flags(
        &self,
        project: ProjectId,
        filter: &FlagFilter,
        page: &Page,
    ) -> Result<Slice<FlagRow>, QueryError> {
        let list = filter.sort.list();
        let after = filter.sort.order().after(list, page)?;
        let rows = self
            .rows(|schema| select(schema, project, filter, after.as_ref(), page.fetch()))
            .await?;
        let flags = rows.iter().map(flag_row).collect::<Result<Vec<_>, _>>()?;
        Ok(match filter.sort {
            FlagSort::Key => Slice::cut(flags, page, list, |flag| flag.key.clone()),
            FlagSort::Updated => Slice::cut(flags, page, list, |flag| (flag.updated_at, flag.id)),
        })
    }

    /// A flag in full.
    pub async fn flag(&self, id: FlagId) -> Result<Option<Document<FlagState>>, QueryError> {
        self.document("flag", "flags", id.0).await
    }
}

fn select<'q>(
    schema: Schema,
    project: ProjectId,
    filter: &'q FlagFilter,
    after: Option<&'q After>,
    limit: i64,
) -> QueryBuilder<'q, Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT id, key, name, description, kind, lifetime, owner, tags, client_side, archived, \
         enabled_in, version, created_at, updated_at, position FROM {schema}.flags \
         WHERE project = "
    ));
    query.push_bind(project.0);
    narrow(&mut query, filter.state, filter.search.as_deref(), &filter.tags);
    if let Some(kind) = filter.kind {
        query.push(" AND kind = ").push_bind(kind.as_str());
    }
    if let Some(lifetime) = filter.lifetime {
        query.push(" AND lifetime = ").push_bind(crate::catalog::lifetime_name(lifetime));
    }
    if let Some(owner) = filter.owner {
        query.push(" AND owner = ").push_bind(owner.0);
    }
    if let Some(client_side) = filter.client_side {
        query.push(" AND client_side = ").push_bind(client_side);
    }
    filter.sort.order().end(&mut query, after, limit);
    query
}

fn flag_row(row: &PgRow) -> Result<FlagRow, QueryError> {
    let columns = Columns::new("flag", row)?;
    let Common { version, created_at, updated_at, position } = columns.common()?;
    Ok(FlagRow {
        id: FlagId(columns.id),
        key: columns.get("key")?,
        name: columns.get("name")?,
        description: columns.get("description")?,
        kind: columns.named("kind")?,
        lifetime: columns.named("lifetime")?,
        owner: columns.get::<Option<Uuid>>("owner")?.map(UserId),
        tags: columns.get("tags")?,
        client_side: columns.get("client_side")?,
        archived: columns.get("archived")?,
        enabled_in: columns.get("enabled_in")?,
        version,
        created_at,
        updated_at,
        position,
    })
}
