//! Buckets: a user's stable place among ten thousand, and which variation has it.

use std::borrow::Cow;

use serde_json::Value;
use sha2::compress256;

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

/// SHA-256 of a flag, fed with everything but the user.
///
/// The blocks are filled here and not by the digest crate's buffer: with nearly every user in the last block, what
/// is left to do for one is a copy and one call of the crate's compression.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    state: [u32; 8],
    /// Begins with the texts that fill no whole block yet.
    block: [u8; BLOCK],
    filled: usize,
    /// How many bytes there were before the block.
    hashed: usize,
}

const BLOCK: usize = 64;

/// The last bytes of the last block hold the length.
const LENGTH: usize = 8;

impl Seed {
    pub(crate) fn new(salt: &str, flag_key: &str) -> Self {
        let mut seed = Self { state: INITIAL, block: [0; BLOCK], filled: 0, hashed: 0 };
        seed.update(salt.as_bytes());
        seed.update(flag_key.as_bytes());
        seed
    }

    #[inline]
    pub(crate) fn bucket(&self, user_key: &str) -> u16 {
        let key = user_key.as_bytes();
        let end = self.filled + key.len();
        if end >= BLOCK - LENGTH {
            return self.bucket_over_blocks(key);
        }
        let (mut state, mut block) = (self.state, self.block);
        block[self.filled..end].copy_from_slice(key);
        block[end] = 0x80;
        block[BLOCK - LENGTH..].copy_from_slice(&bits(self.hashed + end));
        compress(&mut state, &block);
        remainder(&state)
    }

    #[inline(never)]
    fn bucket_over_blocks(&self, key: &[u8]) -> u16 {
        let mut seed = self.clone();
        seed.update(key);
        remainder(&seed.finish())
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while bytes.len() >= BLOCK - self.filled {
            let (now, later) = bytes.split_at(BLOCK - self.filled);
            self.block[self.filled..].copy_from_slice(now);
            compress(&mut self.state, &self.block);
            self.block = [0; BLOCK];
            self.hashed += BLOCK;
            self.filled = 0;
            bytes = later;
        }
        self.block[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Pads as FIPS 180-4, 5.1.1 says: a one, zeros, and the length in bits.
    fn finish(mut self) -> [u32; 8] {
        self.block[self.filled] = 0x80;
        if self.filled >= BLOCK - LENGTH {
            compress(&mut self.state, &self.block);
            self.block = [0; BLOCK];
        }
        self.block[BLOCK - LENGTH..].copy_from_slice(&bits(self.hashed + self.filled));
        compress(&mut self.state, &self.block);
        self.state
    }
}

fn bits(bytes: usize) -> [u8; LENGTH] {
    (bytes as u64 * 8).to_be_bytes()
}

#[inline]
#[expect(deprecated, reason = "this release of sha2 takes its blocks as this type")]
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let block = sha2::digest::generic_array::GenericArray::from_slice(block);
    compress256(state, std::slice::from_ref(block));
}

/// The state that SHA-256 begins with: FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A digest, read as a big-endian integer of 256 bits, modulo the number of buckets: the sum of what each word is
/// worth at its place. The sum of eight words times less than 10,000 fits, so one division is enough.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "a remainder of 10,000 fits")]
fn remainder(digest: &[u32; 8]) -> u16 {
    const WORTH: [u64; 8] = {
        let mut worth = [1; 8];
        let mut place = 7;
        while place > 0 {
            place -= 1;
            worth[place] = (worth[place + 1] << 32) % BUCKETS as u64;
        }
        worth
    };
    let sum: u64 = digest.iter().zip(WORTH).map(|(word, worth)| u64::from(*word) * worth).sum();
    (sum % u64::from(BUCKETS)) as u16
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
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a sum of at most WHOLE gives at most BUCKETS"
    )]
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
            Some(attribute) => {
                context.find(attribute).and_then(|value: &Value| bucketing_text(value))
            }
        }
    }

    /// Each variation with its first bucket and the first one behind it.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, u16, u16)> {
        let mut from = 0;
        self.shares
            .iter()
            .map(move |share| (share.variation, std::mem::replace(&mut from, share.end), share.end))
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
        assert_eq!(remainder(&[0; 8]), 0);
        assert_eq!(remainder(&[0, 0, 0, 0, 0, 0, 0, 1]), 1);
        // 2^256 = …639936.
        assert_eq!(remainder(&[u32::MAX; 8]), 9935);
    }

    #[test]
    fn a_bucket_is_that_of_the_texts_in_a_row() {
        assert_eq!(bucket("a", "b", "c"), bucket("", "abc", ""));
        assert_eq!(bucket("a", "b", "c"), 9965);
    }

    #[test]
    fn the_hash_is_that_of_the_digest_crate_at_every_length() {
        use sha2::{Digest as _, Sha256};
        let text = "0123456789abcdef".repeat(20);
        for start in [0, 1, 55, 56, 63, 64, 65, 128] {
            for length in 0..200 {
                let (first, second) = (&text[..start], &text[..length]);
                let mut seed = Seed::new(first, "");
                seed.update(second.as_bytes());
                let found: Vec<u8> =
                    seed.finish().iter().flat_map(|word| word.to_be_bytes()).collect();
                let expected = Sha256::new().chain_update(first).chain_update(second).finalize();
                assert_eq!(found[..], expected[..], "{start} {length}");
            }
        }
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
