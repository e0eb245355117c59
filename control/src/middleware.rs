//! What happens to every request before and after its handler.

mod authenticate;
mod bucket;
mod fallback;
mod harden;
mod observe;

pub(crate) use authenticate::{Caller, Seen, Who, authenticate};
pub(crate) use bucket::Limiter;
pub use bucket::Quota;
pub(crate) use fallback::{broken, method_not_allowed, unknown_route, within};
pub(crate) use harden::{cors, harden};
pub(crate) use observe::observe;
