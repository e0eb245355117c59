//! Seeded random numbers whose sequence no library update changes.

use std::f64::consts::TAU;

/// xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64.
pub(crate) struct Random {
    state: [u64; 4],
    spare: Option<f64>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut s = seed;
        let state = std::array::from_fn(|_| {
            s = s.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (s ^ (s >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self { state, spare: None }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in 0 to 1, neither included.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sine, cosine) = (TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sine);
        radius * cosine
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// How many of `n` succeed with probability `p`: by trial when few, otherwise the rounded normal.
    pub(crate) fn binomial(&mut self, n: u32, p: f64) -> u32 {
        let mean = f64::from(n) * p;
        if mean * (1.0 - p) > 5e3 {
            let x = (mean + (mean * (1.0 - p)).sqrt() * self.normal()).round();
            return x.clamp(0.0, f64::from(n)) as u32;
        }
        let limit = (p * u64::MAX as f64) as u64;
        (0..n).map(|_| u32::from(self.bits() < limit)).sum()
    }

    /// The sum of squares of `df` standard normals (Wilson and Hilferty 1931); for many degrees of freedom.
    pub(crate) fn chi_square(&mut self, df: f64) -> f64 {
        let c = 2.0 / (9.0 * df);
        df * (1.0 - c + c.sqrt() * self.normal()).powi(3)
    }
}

/// How often each of the answers is yes.
pub(crate) fn count<const K: usize>(
    seed: u64,
    experiments: u32,
    mut experiment: impl FnMut(&mut Random) -> [bool; K],
) -> [(u32, u32); K] {
    let mut random = Random::new(seed);
    let mut hits = [0; K];
    for _ in 0..experiments {
        for (hits, hit) in hits.iter_mut().zip(experiment(&mut random)) {
            *hits += u32::from(hit);
        }
    }
    hits.map(|hits| (hits, experiments))
}
