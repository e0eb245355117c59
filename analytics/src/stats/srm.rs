//! Sample ratio mismatch: do the arms have the users their weights promise?
//!
//! The sequential test is the default, as this is looked at all the time: a daily chi-square at 0.001 alarms in 1 % of
//! sound experiments within 30 days.

use serde::Serialize;

use super::no_answer::{NoAnswer, finite, require};
use super::special::{chi_square_sf, log1p_minus, stirling_correction};
use super::{Tail, summary::MAX_COUNT};

/// The chi-square view.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// `X² = Σ (O - E)² / E`.
    pub statistic: f64,
    /// Arms with a weight, minus one.
    pub df: f64,
    /// P-value at this one look.
    pub p: Tail,
}

/// Chi-square goodness of fit of the users to the weights (Pearson 1900). Arms of weight zero count neither in the
/// sum nor in the degrees of freedom.
///
/// # Errors
/// [`NoAnswer::LeakIntoZeroWeightArm`] when such an arm has users, [`NoAnswer::TooFew`] without users or with fewer than
/// two arms of weight; invalid when the lists differ in length or a weight is negative or not finite.
pub fn chi_square(users: &[u64], weights: &[f64]) -> Result<Mismatch, NoAnswer> {
    let shares = shares(weights)?;
    let counts = counted(users, &shares)?;
    let total: f64 = counts.iter().sum();
    if total <= 0.0 || counts.len() < 2 {
        return Err(NoAnswer::TooFew);
    }
    let statistic = counts
        .iter()
        .zip(shares.iter().filter(|&&share| share > 0.0))
        .map(|(count, share)| (count - total * share) / (total * share) * (count - total * share))
        .sum();
    #[allow(clippy::cast_precision_loss, reason = "a number of arms")]
    let df = (counts.len() - 1) as f64;
    let statistic = finite(statistic)?;
    Ok(Mismatch { statistic, df, p: chi_square_sf(statistic, df)? })
}

/// The sequential test, valid however often one looks (Lindon and Malek 2022, NeurIPS, "Anytime-valid inference for
/// multinomial count data"): the Bayes factor of a Dirichlet mixture around the weights against the weights, whose
/// inverse is a p-value at its running minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Sequential {
    shares: Vec<f64>,
    concentration: f64,
    counts: Vec<f64>,
    smallest: Tail,
}

impl Sequential {
    /// The concentration to use unless there is a reason: deviations of about 1 % are found soonest.
    pub const CONCENTRATION: f64 = 1e4;

    /// A test against `weights`, with `concentration` times the weights as the mixture's parameters.
    ///
    /// # Errors
    /// Invalid unless weights are finite, not negative and two of them positive, and the concentration is positive.
    pub fn new(weights: &[f64], concentration: f64) -> Result<Self, NoAnswer> {
        let shares = shares(weights)?;
        require(
            concentration > 0.0 && concentration <= 1e15,
            "the concentration must be positive, at most 1e15",
        )?;
        let arms = shares.iter().filter(|&&share| share > 0.0).count();
        require(arms >= 2, "two arms must have a weight")?;
        Ok(Self { shares, concentration, counts: vec![0.0; arms], smallest: Tail::CERTAIN })
    }

    /// Adds the users who came since the last look, and returns the logarithm of the Bayes factor and the p-value.
    ///
    /// # Errors
    /// [`NoAnswer::LeakIntoZeroWeightArm`] when an arm of weight zero got users; invalid when the number of arms is
    /// another one.
    pub fn look(&mut self, users: &[u64]) -> Result<(f64, Tail), NoAnswer> {
        for (sum, new) in self.counts.iter_mut().zip(counted(users, &self.shares)?) {
            *sum += new;
        }
        let ln = self.ln_bayes_factor();
        let p = Tail::from_ln(-ln);
        if p < self.smallest {
            self.smallest = p;
        }
        Ok((ln, self.smallest))
    }

    /// `ln [B(c p + N) / B(c p)] - Σ N ln p`, with Stirling's formula written out: what is left is a divergence between
    /// the posterior mean and the weights, in which nothing cancels at 1e9 users.
    fn ln_bayes_factor(&self) -> f64 {
        let c = self.concentration;
        let n: f64 = self.counts.iter().sum();
        let mut ln = 0.5 * (n / c).ln_1p() - stirling_correction(c + n) + stirling_correction(c);
        for (count, share) in
            self.counts.iter().zip(self.shares.iter().filter(|&&share| share > 0.0))
        {
            let prior = c * share;
            let excess = (count - n * share) / ((c + n) * share);
            let divergence = (1.0 + excess) * log1p_minus(excess) + excess * excess;
            ln += (c + n) * share * divergence - 0.5 * (count / prior).ln_1p()
                + stirling_correction(prior + count)
                - stirling_correction(prior);
        }
        ln
    }
}

fn shares(weights: &[f64]) -> Result<Vec<f64>, NoAnswer> {
    require(
        weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
        "weights must be finite and not negative",
    )?;
    let total: f64 = weights.iter().sum();
    require(
        total > 0.0 && total.is_finite(),
        "the sum of the weights must be positive and finite",
    )?;
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    require(
        shares.iter().all(|&share| share == 0.0 || share > 1e-12),
        "a weight must be zero or at least 1e-12 of all",
    )?;
    Ok(shares)
}

/// The users of the arms that have a weight.
#[allow(clippy::cast_precision_loss, reason = "at most 2^53, checked")]
fn counted(users: &[u64], shares: &[f64]) -> Result<Vec<f64>, NoAnswer> {
    require(users.len() == shares.len(), "there must be as many counts as weights")?;
    require(users.iter().all(|&users| users <= MAX_COUNT), "there must be at most 2^53 units")?;
    if users.iter().zip(shares).any(|(&users, &share)| users > 0 && share == 0.0) {
        return Err(NoAnswer::LeakIntoZeroWeightArm);
    }
    Ok(users
        .iter()
        .zip(shares)
        .filter(|(_, share)| **share > 0.0)
        .map(|(&users, _)| users as f64)
        .collect())
}
