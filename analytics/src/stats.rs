//! The statistics of experiments, by what a reader wants to know:
//!
//! - is there a difference: [`welch`], [`chi_square`], [`fisher`], [`ratio`], [`quantile`], [`cuped`];
//! - how large is it: [`lift`], [`proportions`];
//! - may one look already: [`sequential`], and across many metrics: [`multiplicity`];
//! - can the data be trusted: [`srm`], [`skew`], [`winsorize`];
//! - is a guardrail safe: [`guardrail`]; do segments differ: [`heterogeneity`];
//! - how long must it run: [`power`]; the Bayesian view: [`bayes`].
//!
//! [`answer()`] offers all of it as JSON lines.

pub mod answer;
pub mod bayes;
pub mod chi_square;
pub mod cuped;
pub mod fisher;
pub mod guardrail;
pub mod heterogeneity;
pub mod lift;
pub mod moments;
pub mod multiplicity;
mod no_answer;
pub mod power;
pub mod proportions;
pub mod quantile;
pub mod ratio;
mod root;
pub mod sequential;
pub mod skew;
pub mod special;
pub mod srm;
mod summary;
mod tail;
pub mod welch;
pub mod winsorize;

pub use answer::{answer, run_lines};
pub use no_answer::NoAnswer;
pub use summary::{Alpha, Arm, Comparison, Interval, Proportion};
pub use tail::Tail;
