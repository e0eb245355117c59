//! Evaluations as multiples of one SHA-256 of 40 bytes, measured side by side in one run, so that numbers of
//! different machines can be compared. Prints a table, and which targets were missed.

mod environments;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ff_evaluator::{Config, Context};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// How long a measurement of one case takes in each round.
const BATCH: Duration = Duration::from_millis(4);
const ROUNDS: usize = 60;

struct Case<'a> {
    name: &'static str,
    /// Largest multiple of the reference that is good; `None` for the reference and what is only for orientation.
    target: Option<f64>,
    work: Box<dyn Fn() + 'a>,
    iterations: u32,
    best: f64,
}

impl<'a> Case<'a> {
    fn new(name: &'static str, target: Option<f64>, work: impl Fn() + 'a) -> Self {
        let mut case =
            Self { name, target, work: Box::new(work), iterations: 1, best: f64::INFINITY };
        while case.round() < BATCH.as_secs_f64() {
            case.iterations *= 2;
        }
        case.best = f64::INFINITY;
        case
    }

    /// Runs one batch, remembers the best nanoseconds per iteration, and says how many seconds the batch took.
    #[allow(clippy::disallowed_methods, reason = "measuring is what this program is for")]
    fn round(&mut self) -> f64 {
        let start = Instant::now();
        (self.work)();
        for _ in 1..self.iterations {
            (self.work)();
        }
        let seconds = start.elapsed().as_secs_f64();
        self.best = self.best.min(seconds * 1e9 / f64::from(self.iterations));
        seconds
    }
}

fn one<'a>(config: &'a Config, user: &'a Context, key: &'a str) -> impl Fn() + 'a {
    let now = Timestamp::UNIX_EPOCH;
    move || {
        black_box(config.evaluate(black_box(key), black_box(user), now));
    }
}

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
fn main() {
    let input = [7_u8; 40];
    let (large, hundred, user) =
        (environments::large(), environments::hundred(), environments::user());
    let mut cases = [
        Case::new("SHA-256 of 40 bytes (the reference)", None, || {
            black_box(Sha256::digest(black_box(input)));
        }),
        Case::new(
            "a flag that is simply on",
            Some(0.35),
            one(&large, &user, environments::SIMPLY_ON),
        ),
        Case::new("a flag that is off", Some(0.35), one(&large, &user, environments::OFF)),
        Case::new("a flag that does not exist", Some(0.35), one(&large, &user, "nothing")),
        Case::new("no rule, 50/50", Some(2.0), one(&large, &user, environments::NO_RULE)),
        Case::new(
            "one rule of two conditions, 50/50",
            Some(2.0),
            one(&large, &user, environments::ONE_RULE),
        ),
        Case::new(
            "ten rules, the last holds, 50/50",
            Some(3.0),
            one(&large, &user, environments::TEN_RULES),
        ),
        Case::new(
            "an experiment of two slices, 50/50",
            Some(5.0),
            one(&large, &user, environments::EXPERIMENT),
        ),
        Case::new("all 100 flags of an environment", Some(170.0), || {
            for answer in hundred.evaluate_all(black_box(&user), Timestamp::UNIX_EPOCH) {
                black_box(answer);
            }
        }),
    ];
    // `cargo bench -p ff-evaluator --bench against_sha256 -- ten` measures what has "ten" in its name.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    for _ in 0..ROUNDS {
        for case in cases.iter_mut().filter(|case| case.target.is_none() || is_wanted(case.name)) {
            case.round();
        }
    }
    let reference = cases[0].best;
    let cases: Vec<_> = cases.iter().filter(|case| case.best.is_finite()).collect();
    println!("{:<40} {:>10} {:>8} {:>8}", "case", "ns", "ratio", "target");
    for case in &cases {
        let target = case.target.map_or_else(String::new, |target| format!("≤ {target}"));
        println!(
            "{:<40} {:>10.1} {:>8.2} {target:>8}",
            case.name,
            case.best,
            case.best / reference
        );
    }
    let missed =
        |case: &&Case<'_>| case.target.is_some_and(|target| case.best / reference > target);
    for case in cases.into_iter().filter(missed) {
        println!("missed: {}", case.name);
    }
}
