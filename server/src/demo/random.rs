//! Chance that is the same every time.
//!
//! What a seed means must not change with the version of a library, so that two people who name the same seed talk
//! about the same users for years. SplitMix64 (Steele, Lea and Flood, 2014) is a few lines and good enough for traffic.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A sequence of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence of this name. Sequences of different names have nothing to do with each other.
    pub(super) fn named(seed: u64, name: &str, number: u64) -> Self {
        let digest = digest(&[&seed.to_be_bytes(), name.as_bytes(), &number.to_be_bytes()]);
        Self(u64::from_be_bytes(digest[..8].try_into().expect("a digest has more than 8 bytes")))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 2_f64.powi(-53)
    }

    /// One of these, in proportion to the weights, which sum to 1.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[(T, f64)]) -> T {
        let mut rest = self.unit();
        for (choice, weight) in choices {
            if rest < *weight {
                return *choice;
            }
            rest -= weight;
        }
        choices.last().expect("there is something to choose from").0
    }

    /// Standard normal, by the method of Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Lognormal with this median and this standard deviation of the logarithm.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Poisson with a small mean, by Knuth's method.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// The id of what these parts name.
pub(super) fn id(parts: &[&[u8]]) -> Uuid {
    let digest = digest(parts);
    Uuid::new_v8(digest[..16].try_into().expect("a digest has more than 16 bytes"))
}

/// A digest in which no two lists of parts are the same.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(draws: u32, mut draw: impl FnMut() -> f64) -> f64 {
        (0..draws).map(|_| draw()).sum::<f64>() / f64::from(draws)
    }

    #[test]
    fn the_first_numbers_of_a_seed_stay_what_they_are() {
        // The published test vector of SplitMix64 for the state 1234567.
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        let again = || Random::named(1, "visit", 7).next();
        assert_eq!(again(), again());
        assert_ne!(again(), Random::named(2, "visit", 7).next());
        assert_ne!(again(), Random::named(1, "visit", 8).next());
        assert_ne!(again(), Random::named(1, "person", 7).next());
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::named(1, "test", 0);
        assert!((mean(100_000, || random.unit()) - 0.5).abs() < 0.005);
        assert!(mean(100_000, || random.normal()).abs() < 0.015);
        assert!((mean(100_000, || random.normal().powi(2)) - 1.0).abs() < 0.02);
        assert!((mean(100_000, || random.lognormal(40.0, 0.5).ln()) - 40_f64.ln()).abs() < 0.01);
        assert!((mean(100_000, || f64::from(random.poisson(0.7))) - 0.7).abs() < 0.015);
        assert!((mean(100_000, || random.pick(&[(1.0, 0.25), (0.0, 0.75)])) - 0.25).abs() < 0.007);
    }

    #[test]
    fn parts_of_an_id_do_not_run_together() {
        assert_ne!(id(&[b"ab", b"c"]), id(&[b"a", b"bc"]));
        assert_eq!(id(&[b"ab", b"c"]).get_version_num(), 8);
    }
}
