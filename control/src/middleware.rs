//! What happens to every request before and after its handler.

mod authenticate;
mod fallback;
mod limit;
mod observe;

pub(crate) use crate::doorkeeper::Caller;
pub(crate) use authenticate::{Seen, authenticate, visit};
pub(crate) use fallback::{broken, method_not_allowed, unknown_route, within};
pub(crate) use limit::{limit, limit_address, limit_deed};
pub(crate) use observe::observe;
