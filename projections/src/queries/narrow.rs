//! What every list of a project can be narrowed by, and what the lists with two orders share.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Page, StateFilter};
use crate::QueryError;

/// Narrows a list by its state, a text and tags; `query` has a condition already.
pub(super) fn narrow<'q>(
    query: &mut QueryBuilder<'q, Postgres>,
    state: StateFilter,
    search: Option<&str>,
    tags: &'q [String],
) {
    if let Some(archived) = state.archived() {
        query.push(" AND archived = ").push_bind(archived);
    }
    if let Some(search) = search.filter(|search| !search.is_empty()) {
        query.push(" AND strpos(search, ").push_bind(search.to_lowercase()).push(") > 0");
    }
    if !tags.is_empty() {
        query.push(" AND tags @> ").push_bind(tags);
    }
}

/// The two orders of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// By key.
    Key,
    /// What was changed last comes first.
    Updated,
}

/// Where a page of such a list begins.
pub(super) enum After {
    Key(String),
    Updated(Timestamp, Uuid),
}

impl Order {
    /// Where a page of the list with this name in its cursors begins.
    pub(super) fn after(
        self,
        list: &'static str,
        page: &Page,
    ) -> Result<Option<After>, QueryError> {
        Ok(match self {
            Self::Key => page.begin(list)?.map(After::Key),
            Self::Updated => page.begin(list)?.map(|(at, id)| After::Updated(at, id)),
        })
    }

    /// Ends a query: from where on, in which order, how many.
    pub(super) fn end<'q>(
        self,
        query: &mut QueryBuilder<'q, Postgres>,
        after: Option<&'q After>,
        limit: i64,
    ) {
        match after {
            Some(After::Key(key)) => {
                query.push(" AND key > ").push_bind(key);
            }
            Some(After::Updated(at, id)) => {
                query.push(" AND (updated_at, id) < (").push_bind(at.to_sqlx());
                query.push(", ").push_bind(*id).push(")");
            }
            None => {}
        }
        query.push(match self {
            Self::Key => " ORDER BY key",
            Self::Updated => " ORDER BY updated_at DESC, id DESC",
        });
        query.push(" LIMIT ").push_bind(limit);
    }
}
