//! Buckets: a user's stable place among ten thousand, and which variation has it.

use std::borrow::Cow;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::attribute::Attribute;
use crate::context::{Context, bucketing_text};
use crate::model::Weight;

/// How many buckets there are.
pub(crate) const BUCKETS: u16 = 10_000;

/// The bucket of a user: SHA-256 of the three texts one after the other, read as one big-endian integer, modulo
/// 10,000. `salt` is the environment's or the flag's own.
pub fn bucket(salt: &str, flag_key: &str, user_key: &str) -> u16 {
    Seed::new(salt, flag_key).bucket(user_key)
}

/// The hash of a flag, fed with everything but the user.
#[derive(Debug, Clone)]
pub(crate) struct Seed(Sha256);

impl Seed {
    pub(crate) fn new(salt: &str, flag_key: &str) -> Self {
        Self(Sha256::new().chain_update(salt).chain_update(flag_key))
    }

    #[inline]
    pub(crate) fn bucket(&self, user_key: &str) -> u16 {
        remainder(&self.0.clone().chain_update(user_key).finalize().into())
    }
}

/// A big-endian integer of 256 bits modulo the number of buckets, word by word.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a remainder of 10,000 fits")]
fn remainder(digest: &[u8; 32]) -> u16 {
    const BUCKETS: u64 = super::bucketing::BUCKETS as u64;
    // 2^64 modulo the number of buckets: what a word is worth one place further left.
    const PLACE: u64 = (u64::MAX % BUCKETS + 1) % BUCKETS;
    let (words, _) = digest.as_chunks::<8>();
    words.iter().fold(0, |left, word| (left * PLACE + u64::from_be_bytes(*word) % BUCKETS) % BUCKETS)
        as u16
}

/// A rollout, compiled.
#[derive(Debug)]
pub(crate) struct Split {
    /// The attribute to hash; `None` is the targeting key.
    pub(crate) bucket_by: Option<Attribute>,
    pub(crate) shares: Box<[Share]>,
}

/// The buckets below `end` and from the end of the share before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) end: u16,
    pub(crate) variation: usize,
}

impl Split {
    /// Lays shares out one after the other. A range ends where the sum of the shares so far ends, rounded down to a
    /// bucket; so moving one share by a percent moves one percent of the users and nobody else.
    #[allow(clippy::cast_possible_truncation, reason = "a sum of at most WHOLE gives at most BUCKETS")]
    pub(crate) fn new(
        bucket_by: Option<Attribute>,
        shares: impl IntoIterator<Item = (usize, Weight)>,
    ) -> Self {
        let mut sum = 0_u64;
        let shares = shares
            .into_iter()
            .map(|(variation, weight)| {
                sum += u64::from(weight.thousandths());
                let end = sum * u64::from(BUCKETS) / u64::from(Weight::WHOLE.thousandths());
                Share { end: end.min(u64::from(BUCKETS)) as u16, variation }
            })
            .collect();
        Self { bucket_by, shares }
    }

    /// The text a context is bucketed by.
    #[inline]
    pub(crate) fn bucketed<'x>(&self, context: &'x Context) -> Option<Cow<'x, str>> {
        match &self.bucket_by {
            None => context.targeting_key().map(Cow::Borrowed),
            Some(attribute) => context.find(attribute).and_then(|value: &Value| bucketing_text(value)),
        }
    }

    /// Each variation with its first bucket and the first one behind it.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, u16, u16)> {
        let mut from = 0;
        self.shares.iter().map(move |share| {
            (share.variation, std::mem::replace(&mut from, share.end), share.end)
        })
    }

    /// Whose share a bucket is. `None` cannot happen where the weights sum to the whole.
    #[inline]
    pub(crate) fn variation(&self, bucket: u16) -> Option<usize> {
        self.shares.iter().find(|share| bucket < share.end).map(|share| share.variation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_is_that_of_the_whole_number() {
        assert_eq!(remainder(&[0; 32]), 0);
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(remainder(&one), 1);
        // 2^256 - 1 ends in 9935 (from 2^256 = …639936).
        assert_eq!(remainder(&[255; 32]), 9935);
    }

    #[test]
    fn a_bucket_is_that_of_the_texts_in_a_row() {
        // The SHA-256 of "abc" ends in 0x…15ad; the remainder was worked out with big integers.
        assert_eq!(bucket("a", "b", "c"), bucket("", "abc", ""));
        assert_eq!(bucket("a", "b", "c"), 9965);
    }

    #[test]
    fn shares_take_consecutive_ranges() {
        let weight = |percent| Weight::from_percent(percent).unwrap();
        let split = Split::new(
            None,
            [(2, weight(33.333)), (0, weight(0.0)), (1, weight(33.333)), (3, weight(33.334))],
        );
        let ends: Vec<u16> = split.shares.iter().map(|share| share.end).collect();
        assert_eq!(ends, [3333, 3333, 6666, 10_000]);
        assert_eq!(split.variation(0), Some(2));
        assert_eq!(split.variation(3332), Some(2));
        assert_eq!(split.variation(3333), Some(1));
        assert_eq!(split.variation(9999), Some(3));
    }
}
