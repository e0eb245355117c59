//! The people who shop: who they are, what they did before, and what they do once they have seen a variation.
//!
//! Everything follows from the seed and a number, so that a user is the same in every run, and does the same in both
//! arms but for the effect. Those who bought before are more likely to buy again, which is what CUPED lives from.

use super::random::Random;

/// The share of visits that end with a purchase, without any effect.
pub(super) const CONVERSION: f64 = 0.1;

/// The events that shoppers cause.
pub(super) mod event {
    /// Someone paid.
    pub(crate) const PURCHASE: &str = "purchase";
    /// How much, in EUR.
    pub(crate) const REVENUE: &str = "revenue";
    /// Something was bought; one event each.
    pub(crate) const ITEM: &str = "item";
    /// A page was there after so many milliseconds.
    pub(crate) const PAGE_LOAD: &str = "page_load";
}

/// How keen people are to buy, as a factor of the average; the average of all is 1, so that the conversion is exact.
const KEENNESS: [(f64, f64); 4] = [(0.2, 0.6), (1.0, 0.25), (3.0, 0.1), (6.6, 0.05)];
/// Purchases a day of those of average keenness.
const PURCHASES_A_DAY: f64 = 0.03;
const COUNTRIES: [(&str, f64); 5] =
    [("DE", 0.4), ("US", 0.3), ("GB", 0.15), ("FR", 0.1), ("BR", 0.05)];
const PLANS: [(&str, f64); 3] = [("free", 0.7), ("pro", 0.25), ("enterprise", 0.05)];
const DEVICES: [(&str, f64); 2] = [("mobile", 0.6), ("desktop", 0.4)];
const DAY_MS: f64 = 86_400_000.0;

/// Someone who shops.
#[derive(Debug, Clone)]
pub(super) struct Shopper {
    /// The targeting key.
    pub(super) key: String,
    /// Where they are.
    pub(super) country: &'static str,
    /// What they pay for.
    pub(super) plan: &'static str,
    /// What they shop with.
    pub(super) device: &'static str,
    keenness: f64,
    basket: f64,
    slowness: f64,
    seed: u64,
    number: u64,
}

/// What the variation changes, as factors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Treatment {
    /// Of the chance to buy.
    pub(super) conversion: f64,
    /// Of the time that pages take.
    pub(super) page_load: f64,
}

impl Treatment {
    /// Nothing is changed.
    pub(super) const NONE: Self = Self { conversion: 1.0, page_load: 1.0 };
}

/// Something that is measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deed {
    /// Name of the event.
    pub(super) event: &'static str,
    /// How much.
    pub(super) value: f64,
    /// When, in milliseconds from the moment it is told from; the past is negative.
    pub(super) after_ms: i64,
}

impl Shopper {
    /// The shopper of this number.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut random = Random::named(seed, "person", number);
        let device = random.pick(&DEVICES);
        let slow = if device == "mobile" { 1.4 } else { 1.0 };
        Self {
            key: format!("shopper-{seed}-{number}"),
            country: random.pick(&COUNTRIES),
            plan: random.pick(&PLANS),
            device,
            keenness: random.pick(&KEENNESS),
            basket: random.lognormal(40.0, 0.5),
            slowness: random.lognormal(600.0 * slow, 0.2),
            seed,
            number,
        }
    }

    /// What they bought in the days before, told from the end of these days.
    pub(super) fn history(&self, days: u32) -> Vec<Deed> {
        let mut random = Random::named(self.seed, "history", self.number);
        let days = f64::from(days);
        let purchases = random.poisson(PURCHASES_A_DAY * days * self.keenness);
        let mut deeds = Vec::new();
        for _ in 0..purchases {
            let ago = whole_ms(random.unit() * days * DAY_MS);
            self.purchase(&mut random, -1 - ago, &mut deeds);
        }
        deeds
    }

    /// What they do once they have seen a variation, told from that moment.
    pub(super) fn visit(&self, treatment: Treatment) -> Vec<Deed> {
        // Chance is drawn in the same order whatever the treatment is, and decisions compare with it: the arms differ
        // by the effect alone.
        let mut random = Random::named(self.seed, "visit", self.number);
        let chance = CONVERSION * self.keenness * treatment.conversion;
        let buys = random.unit() < chance;
        let mut deeds: Vec<Deed> = (1..=1 + i64::from(random.poisson(2.0)))
            .map(|page| {
                let took = random.lognormal(self.slowness, 0.4) * treatment.page_load;
                Deed { event: event::PAGE_LOAD, value: took.round(), after_ms: page }
            })
            .collect();
        if buys {
            let last = deeds.last().map_or(0, |deed| deed.after_ms);
            self.purchase(&mut random, last + 1, &mut deeds);
        }
        deeds
    }

    /// Uniform in [0, 1), for what this names.
    pub(super) fn chance(&self, name: &str) -> f64 {
        Random::named(self.seed, name, self.number).unit()
    }

    fn purchase(&self, random: &mut Random, after_ms: i64, deeds: &mut Vec<Deed>) {
        let paid = (random.lognormal(self.basket, 0.4) * 100.0).round() / 100.0;
        let items = 1 + random.poisson(1.2);
        let deed = |event, value| Deed { event, value, after_ms };
        deeds.extend([deed(event::PURCHASE, 1.0), deed(event::REVENUE, paid)]);
        deeds.extend((0..items).map(|_| deed(event::ITEM, 1.0)));
    }
}

#[allow(clippy::cast_possible_truncation, reason = "some days have few milliseconds")]
fn whole_ms(ms: f64) -> i64 {
    ms as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: u64 = 40_000;

    fn total(deeds: &[Deed], event: &str) -> f64 {
        deeds.iter().filter(|deed| deed.event == event).map(|deed| deed.value).sum()
    }

    /// What all shoppers did before and then, in sums of this event.
    fn everyone(event: &str, treatment: Treatment) -> Vec<(f64, f64)> {
        let of = |number| {
            let shopper = Shopper::new(1, number);
            (total(&shopper.history(14), event), total(&shopper.visit(treatment), event))
        };
        (0..USERS).map(of).collect()
    }

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        values.sum::<f64>() / USERS as f64
    }

    fn correlation(pairs: &[(f64, f64)]) -> f64 {
        let (x, y) = (mean(pairs.iter().map(|p| p.0)), mean(pairs.iter().map(|p| p.1)));
        let moment = |f: fn(f64, f64) -> f64| mean(pairs.iter().map(|p| f(p.0 - x, p.1 - y)));
        moment(|x, y| x * y) / (moment(|x, _| x * x) * moment(|_, y| y * y)).sqrt()
    }

    #[test]
    fn the_average_keenness_is_one() {
        let average: f64 = KEENNESS.iter().map(|(factor, share)| factor * share).sum();
        assert!((average - 1.0).abs() < 1e-12);
        let most = KEENNESS.iter().map(|(factor, _)| *factor).fold(0.0, f64::max);
        assert!(CONVERSION * most * 1.5 <= 1.0, "the largest effect is still a chance");
    }

    #[test]
    fn conversion_is_the_base_and_the_effect_comes_on_top() {
        // Standard errors: 0.0015 of a share of 0.1; four of them are never seen by chance.
        let base = mean(everyone(event::PURCHASE, Treatment::NONE).into_iter().map(|p| p.1));
        assert!((base - CONVERSION).abs() < 0.006, "{base}");
        let treatment = Treatment { conversion: 1.5, ..Treatment::NONE };
        let treated = mean(everyone(event::PURCHASE, treatment).into_iter().map(|p| p.1));
        assert!((treated - 1.5 * CONVERSION).abs() < 0.007, "{treated}");
    }

    #[test]
    fn those_who_bought_before_buy_more() {
        for event in [event::PURCHASE, event::REVENUE, event::ITEM] {
            let correlation = correlation(&everyone(event, Treatment::NONE));
            assert!(correlation > 0.25, "{event}: {correlation}");
        }
    }

    #[test]
    fn a_user_does_the_same_in_both_arms_but_for_the_effect() {
        let slower = Treatment { page_load: 1.2, ..Treatment::NONE };
        for number in 0..500 {
            let shopper = Shopper::new(1, number);
            let (before, after) = (shopper.visit(Treatment::NONE), shopper.visit(slower));
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(&after) {
                let slowed = if before.event == event::PAGE_LOAD { 1.2 } else { 1.0 };
                assert!((before.value * slowed - after.value).abs() <= 1.2);
                assert!(after.after_ms > 0);
            }
            assert!(after.iter().any(|deed| deed.event == event::PAGE_LOAD));
        }
    }

    #[test]
    fn history_is_past_and_within_its_days() {
        let deeds: Vec<Deed> = (0..2_000).flat_map(|n| Shopper::new(3, n).history(2)).collect();
        assert!(!deeds.is_empty());
        assert!(deeds.iter().all(|deed| (-2 * 86_400_000 - 1..0).contains(&deed.after_ms)));
        assert!((0..2_000).all(|n| Shopper::new(3, n).history(0).is_empty()));
    }

    #[test]
    fn another_seed_means_other_people() {
        let of = |seed| Shopper::new(seed, 1);
        assert_ne!(of(1).key, of(2).key);
        assert_eq!(of(1).visit(Treatment::NONE), of(1).visit(Treatment::NONE));
    }
}
