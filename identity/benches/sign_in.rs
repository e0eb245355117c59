//! Whether it can be told by the time of an answer who has an account: tries that fail at what a password costs in
//! production, and requests for a new password, each on a real PostgreSQL, taking turns. Prints medians, and their
//! ratios to those of somebody known.

#![allow(clippy::print_stdout, reason = "a bench prints its result")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must say where it stopped")]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use ff_auth::{Cost, Lockout, LockoutPolicy, PasswordService};
use ff_identity::{People, PeopleOptions, SignInError};
use ff_projections::migrate::migrate_up;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

const SIGN_INS: usize = 100;
const RESETS: usize = 1500;
const PASSWORD: &str = "correct horse battery staple";

/// Of each kind there are several, so that a row that happens to lie well does not count.
const EACH: usize = 20;
const KNOWN: &str = "known";
const UNKNOWN: &str = "nobody";
const DISABLED: &str = "out";
const MANAGED: &str = "managed";
const LOCKED: &str = "locked";
const LOCKED_UNKNOWN: &str = "locked-nobody";

#[tokio::main]
async fn main() {
    let pool = ff_testkit::postgres::database().await.pool;
    migrate_up(&pool).await.unwrap();
    let passwords = PasswordService::new(Cost::DEFAULT, NonZeroUsize::MIN);
    let people = People::new(pool.clone(), passwords, PeopleOptions::default());
    prepare(&people, &pool).await;

    println!("{SIGN_INS} wrong passwords each, bcrypt at cost 12; who is locked is told so");
    let mut now = Timestamp::now();
    let wrong = [
        ("known, wrong password", KNOWN),
        ("e-mail of nobody", UNKNOWN),
        ("disabled", DISABLED),
        ("without a password", MANAGED),
    ];
    let locked = [("known, locked", LOCKED), ("e-mail of nobody, locked", LOCKED_UNKNOWN)];
    let all = [wrong.as_slice(), &locked[..1]].concat();
    let mut times = Times::of(&all);
    for round in 0..SIGN_INS {
        // The ones before do not count any more, so nobody is locked.
        now += SignedDuration::from_mins(16);
        times.round(round, async |email| sign_in(&people, email, now).await).await;
    }
    times.print();

    println!(
        "\n{RESETS} tries each while it is locked: no password is looked at, and the answer says so"
    );
    let mut times = Times::of(&locked);
    for round in 0..RESETS {
        now += SignedDuration::from_secs(1);
        times.round(round, async |email| sign_in(&people, email, now).await).await;
    }
    times.print();

    println!("\n{RESETS} requests for a new password each");
    let mut times = Times::of(&wrong);
    for round in 0..RESETS {
        // Those before have had their time, so each makes another.
        now += SignedDuration::from_hours(2);
        times
            .round(round, async |email| drop(people.request_reset(email, now).await.unwrap()))
            .await;
        people.sweep(now).await.unwrap();
    }
    times.print();

    println!("\n{RESETS} requests each after three that are open");
    for (_, kind) in wrong {
        for nth in 0..EACH * 3 {
            people.request_reset(&email(kind, nth % EACH), now).await.unwrap();
        }
    }
    let mut times = Times::of(&wrong);
    for round in 0..RESETS {
        times
            .round(round, async |email| drop(people.request_reset(email, now).await.unwrap()))
            .await;
    }
    times.print();
}

async fn prepare(people: &People, pool: &PgPool) {
    let policy = LockoutPolicy {
        failures: 1.try_into().unwrap(),
        first: SignedDuration::MAX,
        longest: SignedDuration::MAX,
        ..LockoutPolicy::default()
    };
    let locked = policy.failed(Lockout::default(), Timestamp::now());
    for nth in 0..EACH {
        for kind in [LOCKED, LOCKED_UNKNOWN] {
            sqlx::query("INSERT INTO identity.lockouts VALUES ($1, $2, now())")
                .bind(<[u8; 32]>::from(Sha256::digest(email(kind, nth))))
                .bind(Json(&locked))
                .execute(pool)
                .await
                .unwrap();
        }
        for kind in [KNOWN, LOCKED, DISABLED] {
            let id = people.create(&email(kind, nth), "Somebody", PASSWORD.into()).await.unwrap();
            if kind == DISABLED {
                people.disable(id, Timestamp::now()).await.unwrap();
            }
        }
        sqlx::query(
            "INSERT INTO identity.users (id, email, name, organization) VALUES ($1, $2, 'Managed', $1)",
        )
        .bind(Uuid::now_v7())
        .bind(email(MANAGED, nth))
        .execute(pool)
        .await
        .unwrap();
    }
    // An installation has more people than these.
    sqlx::query(
        "INSERT INTO identity.users (id, email, name) \
         SELECT gen_random_uuid(), 'somebody-' || n || '@example.com', 'Somebody' FROM generate_series(1, 10000) n",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("VACUUM ANALYZE identity.users").execute(pool).await.unwrap();
}

fn email(kind: &str, nth: usize) -> String {
    format!("{kind}-{nth}@example.com")
}

async fn sign_in(people: &People, email: &str, now: Timestamp) {
    match people.sign_in(email, "wrong".into(), now).await {
        Err(SignInError::Wrong { .. } | SignInError::Locked { .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// How long each took, by who it was.
struct Times<'a> {
    who: &'a [(&'static str, &'static str)],
    times: Vec<Vec<Duration>>,
}

impl<'a> Times<'a> {
    fn of(who: &'a [(&'static str, &'static str)]) -> Self {
        Self { who, times: vec![Vec::new(); who.len()] }
    }

    /// One try of each, another one first each time.
    async fn round(&mut self, round: usize, work: impl AsyncFn(&str)) {
        for turn in 0..self.who.len() {
            let nth = (round + turn) % self.who.len();
            let email = email(self.who[nth].1, round % EACH);
            let begun = Instant::now();
            work(&email).await;
            self.times[nth].push(begun.elapsed());
        }
    }

    fn print(mut self) {
        let mut quantiles = Vec::new();
        for times in &mut self.times {
            times.sort_unstable();
            let at = |part: usize| times[times.len() * part / 20].as_secs_f64() * 1000.0;
            quantiles.push((at(10), at(2)));
        }
        // What else the machine does is less in the fastest tenth.
        println!(
            "{:<28} {:>12} {:>8} {:>14} {:>8}",
            "", "median, ms", "ratio", "10th part, ms", "ratio"
        );
        let first = quantiles[0];
        for ((name, _), (median, tenth)) in self.who.iter().zip(&quantiles) {
            let (of_median, of_tenth) = (median / first.0, tenth / first.1);
            println!("{name:<28} {median:>12.3} {of_median:>8.3} {tenth:>14.3} {of_tenth:>8.3}");
        }
    }
}
