//! The Bayesian view: chance to win and expected loss.
//!
//! It describes belief and does not control errors: looking until the chance to win is high finds winners among
//! arms that are the same. Where someone looks more than once, [`super::sequential`] decides.

pub mod beta_binomial;
pub mod normal;
