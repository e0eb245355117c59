//! Experiment analytics: what the data of an experiment prove, and only that.
//!
//! [`stats`] is the statistics: pure functions over sufficient statistics (users, means, sample variances, counts),
//! without I/O, clock or randomness. Where a question has no answer the functions say why ([`stats::NoAnswer`]);
//! none of them panics, hangs or returns NaN.
//!
//! Invariants:
//! - Every public function names its formula and where it is published.
//! - Probabilities are survival functions kept as logarithms ([`stats::Tail`]), never `1 - cdf`.
//! - Index 0 or "control" comes first, a difference is treatment minus control, alpha is two-sided unless said.

pub mod stats;
