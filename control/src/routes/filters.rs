//! Words that several lists are filtered by.

use ff_projections::queries::StateFilter;

use crate::problem::Problem;
use crate::request::{Parameters, bad_parameter};

/// `state`: what is in use (unless said otherwise), what is archived, or both.
pub(super) fn state(parameters: &mut Parameters) -> Result<StateFilter, Problem> {
    match parameters.one("state").as_deref() {
        None | Some("live") => Ok(StateFilter::Live),
        Some("archived") => Ok(StateFilter::Archived),
        Some("all") => Ok(StateFilter::All),
        Some(_) => Err(bad_parameter("state", "give `live`, `archived` or `all`")),
    }
}

/// A text to search for; Postgres knows no NUL, and so does no name.
pub(super) fn search(parameters: &mut Parameters) -> Option<String> {
    parameters.one("search").map(|text| text.replace('\0', "\u{fffd}"))
}

/// `tag`, as often as wanted: all of them must be there.
pub(super) fn tags(parameters: &mut Parameters) -> Vec<String> {
    let tags = parameters.all("tag");
    tags.into_iter().map(|tag| tag.replace('\0', "\u{fffd}")).collect()
}
