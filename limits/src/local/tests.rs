//! The local limits against a model: buckets of exact tokens, one request at a time.

use std::collections::HashMap;
use std::net::IpAddr;

use governor::clock::FakeRelativeClock;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::quota::Quota;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: [Limit; 3] = [
    Limit::new("user", Quota::new(5, Duration::from_secs(10))),
    Limit::new("org", Quota::new(8, Duration::from_secs(4))),
    Limit::new("address", Quota::new(7, SECOND)),
];

/// What happens to the limits.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Take {
        asks: Vec<(usize, u8)>,
        cost: u32,
    },
    /// Gives the newest take back that was not given back yet.
    GiveBack,
}

fn step() -> impl Strategy<Value = Step> {
    let asks = prop::collection::vec((0..LIMITS.len(), 0..2_u8), 0..4);
    prop_oneof![
        2 => (0..3_000_000_000_u64).prop_map(Step::Wait),
        6 => (asks, 0..10_u32).prop_map(|(asks, cost)| Step::Take { asks, cost }),
        1 => Just(Step::GiveBack),
    ]
}

fn subject(number: u8) -> Subject {
    Subject::User(Uuid::from_u128(number.into()))
}

/// Buckets that count nanoseconds: each request is worth as many as it takes to come back.
#[derive(Default)]
struct Model {
    now: u64,
    buckets: HashMap<(usize, u8), (u64, u64)>,
}

impl Model {
    fn each(limit: usize) -> u64 {
        u64::try_from(LIMITS[limit].quota().each().as_nanos()).unwrap()
    }

    /// What is in the bucket now.
    fn content(&mut self, ask: (usize, u8)) -> &mut u64 {
        let whole = Self::each(ask.0) * u64::from(LIMITS[ask.0].quota().requests.get());
        let (content, at) = self.buckets.entry(ask).or_insert((whole, self.now));
        *content = (*content + (self.now - *at)).min(whole);
        *at = self.now;
        content
    }

    fn take(&mut self, asks: &[(usize, u8)], cost: u32) -> Option<Vec<u64>> {
        let before = self.buckets.clone();
        let mut left = Vec::new();
        for &ask in asks {
            let each = Self::each(ask.0);
            let content = self.content(ask);
            let Some(rest) = content.checked_sub(each * u64::from(cost.max(1))) else {
                self.buckets = before;
                return None;
            };
            if cost > 0 {
                *content = rest;
            }
            left.push(*content / each);
        }
        Some(left)
    }

    fn give_back(&mut self, asks: &[(usize, u8)], cost: u32) {
        for &ask in asks {
            let whole = Self::each(ask.0) * u64::from(LIMITS[ask.0].quota().requests.get());
            let content = self.content(ask);
            *content = (*content + Self::each(ask.0) * u64::from(cost)).min(whole);
        }
    }
}

proptest! {
    #[test]
    fn it_admits_what_a_bucket_of_tokens_admits(steps in prop::collection::vec(step(), 1..80)) {
        let clock = FakeRelativeClock::default();
        let local = Local::new(clock.clone());
        let mut model = Model::default();
        let mut taken = Vec::new();
        for step in steps {
            match step {
                Step::Wait(nanos) => {
                    clock.advance(Duration::from_nanos(nanos));
                    model.now += nanos;
                }
                Step::Take { asks, cost } => {
                    let asked: Vec<_> =
                        asks.iter().map(|&(limit, who)| (&LIMITS[limit], subject(who))).collect();
                    let found = local.take(&asked, cost).ok();
                    let found: Option<Vec<u64>> =
                        found.map(|left| left.into_iter().map(u64::from).collect());
                    prop_assert_eq!(&found, &model.take(&asks, cost));
                    if found.is_some() {
                        taken.push((asks, cost));
                    }
                }
                Step::GiveBack => if let Some((asks, cost)) = taken.pop() {
                    for &(limit, who) in &asks {
                        local.give_back(&LIMITS[limit], subject(who), cost);
                    }
                    model.give_back(&asks, cost);
                },
            }
        }
    }

    #[test]
    fn the_wait_it_names_is_the_shortest_that_helps(costs in prop::collection::vec(1..9_u32, 1..20)) {
        let clock = FakeRelativeClock::default();
        let local = Local::new(clock.clone());
        let asks = [(&LIMITS[1], subject(0))];
        for cost in costs {
            if let Err(Denied { wait, .. }) = local.take(&asks, cost) {
                clock.advance(wait - Duration::from_nanos(1));
                prop_assert!(local.take(&asks, cost).is_err());
                clock.advance(Duration::from_nanos(1));
                prop_assert!(local.take(&asks, cost).is_ok());
            }
        }
    }
}

#[test]
fn the_one_to_wait_for_longest_refuses_and_nothing_is_taken() {
    let local = Local::new(FakeRelativeClock::default());
    let [user, org, address] = &LIMITS;
    let asks = [(user, subject(0)), (org, subject(0)), (address, subject(0))];
    local.take(&asks[..2], 5).unwrap();
    // One comes back to the user in two seconds, and to the organization in half of one.
    assert_eq!(local.take(&asks, 4), Err(Denied { by: 0, wait: 8 * SECOND }));
    assert_eq!(local.take(&asks[2..], 7), Ok(vec![0]));
    // More than a whole quota never passes.
    assert_eq!(local.take(&asks[1..2], 9), Err(Denied { by: 0, wait: 4 * SECOND }));
}

#[test]
fn addresses_of_a_network_share_a_bucket() {
    let local = Local::new(FakeRelativeClock::default());
    let from = |text: &str| Subject::Address(text.parse::<IpAddr>().unwrap());
    let take = |text| local.take(&[(&LIMITS[2], from(text))], 4).is_ok();
    assert!(take("2001:db8::1"));
    assert!(!take("2001:db8::2"));
    assert!(take("2001:db8:0:1::1"));
}

#[test]
fn threads_together_admit_the_quota_and_no_more() {
    let limit = Limit::new("user", Quota::new(10_000, Duration::from_secs(360_000)));
    let other = Limit::new("org", Quota::new(1_000_000, Duration::from_secs(360_000)));
    let local = Local::default();
    let admitted = || {
        let asks = [(&other, subject(1)), (&limit, subject(0))];
        (0..4_000).filter(|_| local.take(&asks, 1).is_ok()).count()
    };
    let total: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(admitted)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // A look that is overtaken gives back, which may refuse somebody for a moment, but never lets more through.
    assert!((9_990..=10_000).contains(&total), "{total}");
    let left = local.take(&[(&other, subject(1))], 0).unwrap()[0];
    assert_eq!(left, 1_000_000 - u32::try_from(total).unwrap());
}
