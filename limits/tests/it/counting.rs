//! What is let through by replicas together.

use std::collections::BTreeSet;

use ff_limits::{Health, Limits};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

const ORGANIZATION: Limit = Limit::new("org", Quota::new(7, HOUR));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_together_admit_the_quota_and_no_more() {
    let server = ff_testkit::redis::server().await;
    let (one, other) = (patient(&server).await, patient(&server).await);
    assert_eq!(burst(&[&one, &other], &USER, user(), 800).await, 200);
    assert_eq!(burst(&[&other], &USER, user(), 800).await, 200);
}

#[tokio::test]
async fn all_or_none_is_taken() {
    let server = ff_testkit::redis::server().await;
    let (one, other) = (patient(&server).await, patient(&server).await);
    let (user, organization) = (user(), Subject::Organization(Uuid::new_v4()));
    let asks = [(&USER, user), (&ORGANIZATION, organization)];

    let left = one.take(&asks, 5).await.unwrap();
    assert_eq!(left.tightest(), Some(("org", 2)));
    let refused = other.take(&asks, 3).await.unwrap_err();
    assert_eq!(refused.limit(), "org");
    // One of seven comes back in 514 s, and one is missing.
    assert!((500..=515).contains(&refused.wait()), "{refused:?}");
    assert_eq!(other.take(&asks[..1], 0).await.unwrap().tightest(), Some(("user", 195)));

    one.give_back(left).await;
    assert_eq!(other.take(&asks[..1], 0).await.unwrap().tightest(), Some(("user", 200)));
    assert_eq!(other.take(&asks, 7).await.unwrap().tightest(), Some(("org", 0)));
    assert_eq!(other.take(&asks[1..], 0).await.unwrap_err().limit(), "org");
    assert_eq!(other.take(&asks[1..], 8).await.unwrap_err().wait(), 3600);
}

#[tokio::test]
async fn what_was_taken_comes_back_with_time() {
    const FAST: Limit = Limit::new("fast", Quota::new(10, Duration::from_secs(1)));
    let server = ff_testkit::redis::server().await;
    let limits = patient(&server).await;
    let asks = [(&FAST, user())];
    // However slow the machine is, ten and some are soon more than there are.
    let mut refused = None;
    while refused.is_none() {
        refused = limits.take(&asks, 10).await.err();
    }
    assert_eq!(refused.unwrap().wait(), 1);
    eventually(SOON, async || limits.take(&asks, 10).await).await;
}

#[tokio::test]
async fn what_is_taken_here_is_of_this_replica_alone() {
    let server = ff_testkit::redis::server().await;
    let limits = patient(&server).await;
    let asks = [(&ORGANIZATION, Subject::Organization(Uuid::new_v4()))];
    assert_eq!(limits.take_here(&asks, 7).unwrap().tightest(), Some(("org", 0)));
    assert_eq!(limits.take_here(&asks, 1).unwrap_err().limit(), "org");
    // Redis has not heard of it.
    assert_eq!(limits.take(&asks, 0).await.unwrap().tightest(), Some(("org", 7)));
}

/// What a request is worth may be less than a microsecond, and is counted all the same.
#[tokio::test]
async fn a_large_quota_is_counted_in_small_pieces() {
    const MANY: Limit = Limit::new("many", Quota::new(1_000_000_000, Duration::from_secs(1000)));
    const MORE: Limit = Limit::new("more", Quota::new(u32::MAX, Duration::from_secs(1)));
    let server = ff_testkit::redis::server().await;
    let limits = patient(&server).await;
    let asks = [(&MANY, user()), (&MORE, user())];
    limits.take(&asks[..1], 999_999_900).await.unwrap();
    let before = limits.take(&asks[..1], 0).await.unwrap().tightest().unwrap().1;
    assert!(before >= 100, "{before}");
    for _ in 0..100 {
        limits.take(&asks, 1).await.unwrap();
    }
    assert_eq!(limits.health(), Health::Shared);
    assert!(limits.take(&asks[..1], 1_000_000_000).await.is_err());
}

#[tokio::test]
async fn nobody_is_named_in_redis_and_everything_goes_by_itself() {
    let server = ff_testkit::redis::server().await;
    let limits = patient(&server).await;
    let id = Uuid::new_v4();
    let subjects = [
        Subject::Address("203.0.113.7".parse().unwrap()),
        Subject::Address("2001:db8::7".parse().unwrap()),
        Subject::User(id),
        Subject::Name(*b"somebody@example.com, or a hash."),
    ];
    for subject in subjects {
        limits.take(&[(&USER, subject)], 100).await.unwrap();
    }
    let client = redis::Client::open((server.host.as_str(), server.port)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: BTreeSet<String> =
        redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let ours: Vec<_> = keys.iter().filter(|key| key.starts_with("ff:limit:user:")).collect();
    assert_eq!(ours.len(), subjects.len(), "{keys:?}");
    for key in &keys {
        assert!(key.starts_with("ff:limit:"), "{key}");
        for name in ["203.0.113", "2001:db8", "somebody", &id.to_string(), &id.simple().to_string()]
        {
            assert!(!key.contains(name), "{key}");
        }
        let ttl: i64 = redis::cmd("PTTL").arg(key).query_async(&mut connection).await.unwrap();
        // The probe's is soon gone: -2.
        assert!((0..=3_600_000).contains(&ttl) || ttl == -2, "{key}: {ttl}");
    }
}

/// Another language, another clock, another arithmetic: the same answers.
#[test]
fn shared_limits_answer_as_local_ones_do() {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    static LIMITS: [Limit; 3] = [
        Limit::new("user", Quota::new(5, YEAR)),
        Limit::new("org", Quota::new(8, YEAR)),
        Limit::new("address", Quota::new(1000, YEAR)),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(ff_testkit::redis::server());
    let (shared, local) = (runtime.block_on(patient(&server)), Limits::local());
    let ask = (0..LIMITS.len(), 0..2_u128);
    let step = (prop::collection::btree_set(ask, 1..4), 0..10_u32, prop::bool::weighted(0.2));
    let steps = prop::collection::vec(step, 1..30);
    let config = ProptestConfig { cases: 50, failure_persistence: None, ..Default::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&steps, |steps| {
        let salt = Uuid::new_v4().as_u128() & !1;
        runtime.block_on(async {
            for (asks, cost, back) in steps {
                let asks: Vec<_> = asks
                    .iter()
                    .map(|&(limit, who)| {
                        (&LIMITS[limit], Subject::User(Uuid::from_u128(salt | who)))
                    })
                    .collect();
                let (ours, theirs) =
                    (local.take(&asks, cost).await, shared.take(&asks, cost).await);
                match (ours, theirs) {
                    (Ok(ours), Ok(theirs)) => {
                        prop_assert_eq!(ours.tightest(), theirs.tightest());
                        if back {
                            local.give_back(ours).await;
                            shared.give_back(theirs).await;
                        }
                    }
                    (Err(ours), Err(theirs)) => {
                        prop_assert_eq!(ours.limit(), theirs.limit());
                        prop_assert!(ours.wait().abs_diff(theirs.wait()) <= 60);
                    }
                    (ours, theirs) => {
                        prop_assert!(false, "{ours:?} and {theirs:?}");
                    }
                }
            }
            prop_assert_eq!(shared.health(), Health::Shared);
            Ok(())
        })
    });
    outcome.unwrap();
}
