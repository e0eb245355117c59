//! A quantile over the values of single events, where users are the clusters.

use num_bigint::BigInt;
use serde::{Deserialize, Serialize};

use super::exact::ratio;
use crate::stats::{Alpha, NoAnswer, quantile};

/// A quantile of the values of events, and what its variance follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantileFigures {
    /// The level.
    pub q: f64,
    /// The two-sided level of `lower` and `upper`.
    pub alpha: f64,
    /// Users with values.
    pub users: u64,
    /// Values.
    pub events: u64,
    /// The quantile, after Hyndman and Fan's definition 7.
    pub value: f64,
    /// The quantile at `q - z √(q(1-q)/events)`; absent while there are too few values for it.
    pub lower: Option<f64>,
    /// The quantile at `q + z √(q(1-q)/events)`; absent while there are too few values for it.
    pub upper: Option<f64>,
    /// Σ over users of the number of their values at or below the quantile.
    pub below: u64,
    /// Σ over users of that number squared.
    pub below_squared: u64,
    /// Σ over users of that number times the number of their values.
    pub below_by_events: u64,
    /// Σ over users of the number of their values squared.
    pub events_squared: u64,
}

impl QuantileFigures {
    /// The quantile with its variance, clustered by user; see [`quantile::clustered`].
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] while there are too few values or users.
    pub fn clustered(&self) -> Result<quantile::Quantile, NoAnswer> {
        let (Some(lower), Some(upper)) = (self.lower, self.upper) else {
            return Err(NoAnswer::TooFew);
        };
        let known = quantile::Clustered {
            q: self.q,
            values: self.events,
            sampled: self.events,
            estimate: self.value,
            lower,
            upper,
        };
        let (quantile, _) =
            quantile::clustered(&known, &self.indicator()?, Alpha::new(self.alpha)?)?;
        Ok(quantile)
    }

    /// Values at or below the quantile, and values, over users.
    ///
    /// # Errors
    /// When they leave the range of `f64`.
    pub fn indicator(&self) -> Result<quantile::Indicator, NoAnswer> {
        let users = BigInt::from(self.users);
        let mean = [self.below, self.events].map(|sum| ratio(&sum.into(), &users));
        let covariance = |product: u64, a: u64, b: u64| {
            let numerator = &users * product - BigInt::from(a) * b;
            ratio(&numerator, &(&users * (&users - 1)))
        };
        let across = covariance(self.below_by_events, self.below, self.events);
        quantile::Indicator::from_summary(
            self.users,
            mean,
            [
                [covariance(self.below_squared, self.below, self.below), across],
                [across, covariance(self.events_squared, self.events, self.events)],
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_values_have_the_independent_variance() {
        // 400 users with one value each: 1 to 400. The design effect is that of independent values.
        let figures = QuantileFigures {
            q: 0.5,
            alpha: 0.05,
            users: 400,
            events: 400,
            value: 200.5,
            lower: Some(180.95),
            upper: Some(220.05),
            below: 200,
            below_squared: 200,
            below_by_events: 200,
            events_squared: 400,
        };
        let clustered = figures.clustered().unwrap();
        let independent = ((220.05_f64 - 180.95) / (2.0 * Alpha::FIVE_PERCENT.z())).powi(2);
        assert!((clustered.variance / independent - 1.0).abs() < 1e-9, "{clustered:?}");
        let few = QuantileFigures { lower: None, ..figures };
        assert_eq!(few.clustered(), Err(NoAnswer::TooFew));
    }
}
