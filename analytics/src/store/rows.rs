//! Rows as ClickHouse answers them, and what they mean.

use clickhouse::Row;
use clickhouse::types::Int256;
use num_bigint::BigInt;
use serde::Deserialize;

use crate::figures::{QuantileFigures, Sums};

/// Users by arm and time step of the first exposure.
#[derive(Debug, Row, Deserialize)]
pub(super) struct CountRow {
    pub(super) arm: u64,
    pub(super) step: u32,
    pub(super) users: u64,
    /// One 0, then the users who have reached each of the ages asked for.
    pub(super) aged: Vec<u64>,
}

/// A value of an attribute that is shown.
#[derive(Debug, Row, Deserialize)]
pub(super) struct ValueRow {
    pub(super) attribute: u8,
    pub(super) value: String,
}

/// Users by arm and value of an attribute.
#[derive(Debug, Row, Deserialize)]
pub(super) struct ValueCountRow {
    pub(super) arm: u64,
    pub(super) attribute: u8,
    pub(super) value: String,
    pub(super) users: u64,
    pub(super) aged: Vec<u64>,
}

/// Caps in units.
#[derive(Debug, Row, Deserialize)]
pub(super) struct CapRow {
    pub(super) caps: Vec<i128>,
}

/// Sums of a metric in an arm.
#[derive(Debug, Row, Deserialize)]
pub(super) struct MomentRow {
    pub(super) recipe: u64,
    pub(super) arm: u64,
    pub(super) attribute: u8,
    pub(super) value: String,
    pub(super) sums: Vec<Int256>,
}

/// A quantile in an arm.
#[derive(Debug, Row, Deserialize)]
pub(super) struct QuantileRow {
    pub(super) arm: u64,
    pub(super) attribute: u8,
    pub(super) value: String,
    users: u64,
    events: u64,
    places: Vec<f64>,
    low: Vec<i64>,
    high: Vec<i64>,
    below: u64,
    below_squared: u64,
    below_by_events: u64,
    events_squared: u64,
}

impl QuantileRow {
    /// The figures of the quantile at level `q`, its outer ones at `alpha`.
    pub(super) fn figures(&self, q: f64, alpha: f64) -> Option<QuantileFigures> {
        let at =
            |i: usize| Some(between(*self.places.get(i)?, *self.low.get(i)?, *self.high.get(i)?));
        #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 events")]
        let last = self.events.saturating_sub(1) as f64;
        let inside = matches!(self.places[..], [_, lower, upper] if lower >= 0.0 && upper <= last);
        Some(QuantileFigures {
            q,
            alpha,
            users: self.users,
            events: self.events,
            value: at(0)?,
            lower: at(1).filter(|_| inside && self.events > 1),
            upper: at(2).filter(|_| inside && self.events > 1),
            below: self.below,
            below_squared: self.below_squared,
            below_by_events: self.below_by_events,
            events_squared: self.events_squared,
        })
    }
}

/// Definition 7 of Hyndman and Fan: on the way from one value to the next. From the nearer side, so that a share of 1
/// gives the upper value itself.
#[allow(clippy::cast_precision_loss, reason = "the one rounding of a value")]
fn between(place: f64, low: i64, high: i64) -> f64 {
    let (low, high) = (low as f64 / 1e6, high as f64 / 1e6);
    let share = place - place.floor();
    if share < 0.5 { low + (high - low) * share } else { high - (high - low) * (1.0 - share) }
}

/// Exposures of the iteration, and those of senders that count over the whole experiment.
#[derive(Debug, Row, Deserialize)]
pub(super) struct TallyRow {
    pub(super) events: u64,
    pub(super) stored: u64,
}

/// What senders say.
#[derive(Debug, Row, Deserialize)]
pub(super) struct SenderRow {
    pub(super) senders: u64,
    pub(super) sent: u64,
    pub(super) accepted: u64,
}

/// How many integers sums are written as: four sums, ten products, Σx³, Σ|x|, max|x|.
const SUMS: usize = 17;

/// Sums from the integers they are written as; none from another number of them.
pub(super) fn sums(users: u64, integers: &[Int256]) -> Option<Sums> {
    let integers: &[Int256; SUMS] = integers.try_into().ok()?;
    let integers = integers.map(|integer| BigInt::from_signed_bytes_le(&integer.to_le_bytes()));
    let [s0, s1, s2, s3, products @ .., third, absolute, largest] = integers;
    Some(Sums { users, sums: [s0, s1, s2, s3], products, third, absolute, largest })
}

/// The integers sums are written as.
pub(super) fn integers(sums: &Sums) -> Vec<Int256> {
    let more = [&sums.third, &sums.absolute, &sums.largest];
    sums.sums.iter().chain(&sums.products).chain(more).map(integer).collect()
}

/// Sums come from 256 bits, so they fit into them.
fn integer(number: &BigInt) -> Int256 {
    let negative = number.sign() == num_bigint::Sign::Minus;
    let mut bytes = [if negative { 0xff } else { 0 }; 32];
    for (place, byte) in bytes.iter_mut().zip(number.to_signed_bytes_le()) {
        *place = byte;
    }
    Int256::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_survive_the_way_there_and_back() {
        let mut given = Sums::default();
        given.push([-7, 1 << 100, 3, -1]);
        given.push([1 << 70, -(1 << 90), 0, 5]);
        assert_eq!(sums(given.users, &integers(&given)), Some(given));
        assert_eq!(sums(1, &[Int256::from(1_i64)]), None);
    }

    #[test]
    fn places_between_values_are_shares_of_the_way() {
        assert_eq!(between(3.25, 1_000_000, 2_000_000).to_bits(), 1.25_f64.to_bits());
        assert_eq!(between(3.75, 1_000_000, 2_000_000).to_bits(), 1.75_f64.to_bits());
        assert_eq!(between(4.0, 1_000_000, 9_000_000).to_bits(), 1.0_f64.to_bits());
    }
}
