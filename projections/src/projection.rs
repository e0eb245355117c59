//! What a projection is: tables, and what each commit changes in them.

use std::future::Future;

use ff_eventlog::Recorded;
use sqlx::{Executor as _, PgConnection};

use crate::{ProjectionName, name::Schema, parked::Parked};

/// What a projection does about a commit that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnPoison {
    /// It halts: an audit log with holes is none.
    Halt,
    /// It leaves that aggregate as it was and goes on with the others.
    Park,
}

/// Makes tables of commits.
///
/// It may remember what it wrote, as long as it is told to [`forget`](Projection::forget) when that was not
/// committed, or when someone else may have written since.
pub(crate) trait Projection: Default + Send + 'static {
    const NAME: ProjectionName;
    const ON_POISON: OnPoison;

    /// The shape of the tables and of what is in them. Raise it when commits that were taken already would leave
    /// something else behind: whoever runs the new program then rebuilds by itself.
    const FORMAT: i32;

    /// The statements that make the tables, with all that writing needs. `{schema}` stands for the schema.
    const TABLES: &'static str;

    /// The statements that make the indexes that only reading needs: last in a rebuild, for speed.
    const INDEXES: &'static str;

    /// Takes commits, in the order of the log. They may be kept in memory until [`flush`](Projection::flush).
    /// A commit that is poison by itself is parked here; what only Postgres refuses is found by trying.
    fn take(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[Recorded],
        parked: &mut Parked,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Writes what was taken.
    fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Forgets all that is kept in memory.
    fn forget(&mut self);
}

/// Runs the statements of a projection for one schema.
pub(crate) async fn make(
    transaction: &mut PgConnection,
    schema: Schema,
    statements: &str,
) -> Result<(), sqlx::Error> {
    let sql = statements.replace("{schema}", &schema.to_string());
    transaction.execute(sql.as_str()).await.map(drop)
}
