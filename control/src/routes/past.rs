//! Things as they were, from the archive of the log.

use ff_commands::Executable;
use ff_eventlog::Position;
use ff_projections::Queries;
use uuid::Uuid;

use crate::problem::Problem;
use crate::request::{FromParameters, Parameters};
use crate::respond::Stamp;

/// `as_of`: after which commit; absent means now.
pub(super) struct When(pub(super) Option<Position>);

impl FromParameters for When {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self(parameters.parsed("as_of", "a position, such as that of an audit entry")?))
    }
}

/// An aggregate after the commit at `as_of`, and which of its versions that is.
pub(super) async fn past<A: Executable>(
    queries: &Queries,
    id: Uuid,
    as_of: Position,
) -> Result<(A, Stamp), Problem> {
    let past = queries.past::<A>(id, as_of).await?.ok_or_else(Problem::not_found)?;
    let stamp = Stamp::at(past.version, past.position, past.created_at, past.updated_at);
    Ok((past.aggregate, stamp))
}
