//! A flag as it was, from the archive of the log.

use ff_domain::{Flag, FlagId};
use ff_eventlog::Position;
use ff_projections::Queries;
use ff_projections::queries::Page;
use jiff::Timestamp;

use crate::problem::Problem;
use crate::respond::Stamp;

/// The flag after the commit at `as_of`, and which of its versions that is.
pub(super) async fn flag(
    queries: &Queries,
    id: FlagId,
    as_of: Position,
) -> Result<(Flag, Stamp), Problem> {
    let flag = queries.as_of::<Flag>(id.0, as_of).await?.ok_or_else(Problem::not_found)?;
    let mut page = Page::new(Some(Page::MAX_LIMIT.into()), None)?;
    let mut last: Option<(u64, Position, Timestamp, Timestamp)> = None;
    loop {
        let slice = queries.history::<Flag>(id.0, &page).await?;
        let later = slice.items.iter().any(|entry| entry.position > as_of);
        for entry in slice.items.into_iter().filter(|entry| entry.position <= as_of) {
            let created_at = last.map_or(entry.at, |(_, _, created_at, _)| created_at);
            last = Some((entry.version, entry.position, created_at, entry.at));
        }
        match slice.next_cursor {
            Some(cursor) if !later => page = page.after(cursor),
            _ => break,
        }
    }
    let (version, position, created_at, updated_at) = last.ok_or_else(Problem::not_found)?;
    Ok((flag, Stamp::at(version, position, created_at, updated_at)))
}
