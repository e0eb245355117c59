//! Experiment analytics: what the data of an experiment prove, and only that.
//!
//! ```text
//! events in ClickHouse ─▶ store (figures: exact sums by arm) ─▶ report (results, from figures and plan) ─▶ http
//!                          └ refreshed while telemetry comes in          └ stats (formulas)     planning ─▶ http
//! ```
//!
//! [`stats`] is the statistics: pure functions over sufficient statistics (users, means, sample variances, counts),
//! without I/O, clock or randomness. Where a question has no answer the functions say why ([`stats::NoAnswer`]);
//! none of them panics, hangs or returns NaN. [`report`] makes results of [`figures`] and a [`plan`], as pure. Only
//! [`store`] knows ClickHouse, and only the [`host`] knows the platform.
//!
//! Invariants:
//! - Every public function of the statistics names its formula and where it is published.
//! - Probabilities are survival functions kept as logarithms ([`stats::Tail`]), never `1 - cdf`.
//! - Index 0 or "control" comes first, a difference is treatment minus control, alpha is two-sided unless said.
//! - The same plan and the same telemetry position give the same results, bit for bit.

pub mod figures;
pub mod host;
mod http;
pub mod plan;
pub mod planning;
mod refresher;
pub mod report;
mod service;
pub mod stats;
pub mod store;

pub use service::{Analytics, AnalyticsError, AnalyticsOptions};
