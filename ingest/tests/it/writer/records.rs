//! Records as they may come: made from a seed, with everything a text protocol would trip over.

use ff_ingest::record::{Exposure, Metric, Record, Sender};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

const TEXTS: &[&str] =
    &["plain", "", "it's; -- \\", "\n\t\r\u{0}", "ü☃𝄞", "\"quoted\"", " leading", "{\"a\":1}"];

/// A stream of records, the same for the same seed.
pub(crate) struct Records {
    random: StdRng,
}

impl Records {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(self.random.random())
    }

    fn text(&mut self) -> String {
        let text = TEXTS[self.random.random_range(0..TEXTS.len())];
        format!("{text}{}", self.random.random_range(0..20))
    }

    fn environment(&mut self) -> Uuid {
        Uuid::from_u128((self.random.random_range(0..2_u128) << 64) | 0xfedc_ba98_7654_3210)
    }

    pub(crate) fn exposure(&mut self) -> Exposure {
        let received = now();
        Exposure {
            environment: self.environment(),
            id: self.id(),
            at: self.at(received),
            received,
            user_key: self.text(),
            flag: self.text(),
            variation: self.text(),
            rule: self.random.random_bool(0.5).then(|| "checkout:2".to_owned()),
            experiment: self.random.random_bool(0.5).then(|| "checkout".to_owned()),
            config: self.random.random(),
            instance: self.random.random_bool(0.5).then(|| self.id()),
            attributes: (0..self.random.random_range(0..4))
                .map(|_| (self.text(), self.text()))
                .collect(),
        }
    }

    pub(crate) fn metric(&mut self) -> Metric {
        let received = now();
        Metric {
            environment: self.environment(),
            id: self.id(),
            at: self.at(received),
            received,
            user_key: self.text(),
            metric: self.text(),
            value: match self.random.random_range(0..4) {
                0 => 0.1,
                1 => -1e12,
                2 => f64::MIN_POSITIVE,
                _ => self.random.random_range(-1e6..1e6),
            },
        }
    }

    fn sender(&mut self) -> Sender {
        Sender {
            environment: self.environment(),
            instance: self.id(),
            received: now(),
            experiment: self.text(),
            sent: self.random.random(),
            accepted: self.random.random_range(0..1000),
        }
    }

    pub(crate) fn message(&mut self, length: usize) -> Vec<Record> {
        let next = |own: &mut Self| match own.random.random_range(0..20) {
            0 => Record::Sender(own.sender()),
            1..12 => Record::Exposure(own.exposure()),
            _ => Record::Metric(own.metric()),
        };
        (0..length).map(|_| next(self)).collect()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// Up to three months ago, so that an insert makes several parts.
    fn at(&mut self, received: Timestamp) -> Timestamp {
        let ago = self.random.random_range(0..90 * 24 * 60 * 60 * 1000_i64);
        Timestamp::from_millisecond(received.as_millisecond() - ago).unwrap()
    }
}

/// Now, in whole milliseconds, as the tables keep it.
fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap()
}
