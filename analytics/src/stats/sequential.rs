//! Looking before the end without paying for it in false alarms.
//!
//! - [`design`]: constants for a fixed number of equally spaced looks, and what a design costs;
//! - [`spending`]: boundaries for looks at any information, after Lan and DeMets; the default;
//! - [`monitor`]: the record of an experiment's looks, with repeated intervals and adjusted p-values;
//! - [`always_valid`]: confidence sequences for when there is no horizon, or a look nobody planned.

pub mod always_valid;
pub mod design;
pub mod monitor;
mod recursion;
pub mod spending;
