//! How long a decision takes in an organization of 1,000 members, against a look-up of the same decision in a hash
//! map: asked for the first time, and asked again. Prints a table, and whether the slowest hundredth is fast enough;
//! criterion then measures the same cases on their own, to compare one state of the code with another.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ff_auth::{
    BuiltInRole, Enforcer, Member, OrganizationPolicy, Permission, Place, RoleKey, Scope,
};
use uuid::Uuid;

const ORG: Uuid = Uuid::from_u128(1);
const MEMBERS: u128 = 1_000;
const PROJECTS: u128 = 20;
const ENVIRONMENTS: u128 = 4;
/// What the slowest hundredth of decisions may take.
const TARGET: Duration = Duration::from_micros(200);
/// How many different decisions are asked for: fewer than an enforcer remembers.
const QUESTIONS: usize = 4_000;
const ROUNDS: usize = 7;

type Question = (Member, Permission, Scope);

fn member(n: u128) -> Member {
    Member::User(Uuid::from_u128(1_000_000 + n))
}

fn environment(project: u128, environment: u128) -> Place {
    Place::Environment {
        project: Uuid::from_u128(project),
        environment: Uuid::from_u128(project * 100 + environment),
    }
}

/// Everybody reads in a project and edits in one of its environments, some have a role of the
/// organization's own, few administrate it.
fn policy(custom_roles: usize) -> OrganizationPolicy {
    let mut policy = OrganizationPolicy::new(ORG);
    for n in 0..custom_roles {
        let permissions = Permission::ALL.iter().copied().skip(n % 7).step_by(3);
        policy = policy.with_role(role(n), permissions);
    }
    for n in 0..MEMBERS {
        let project = n % PROJECTS;
        policy = policy
            .with(
                member(n),
                BuiltInRole::Viewer,
                Place::Project { project: Uuid::from_u128(project) },
            )
            .with(member(n), BuiltInRole::Editor, environment(project, n % ENVIRONMENTS));
        if n % 10 == 0 {
            policy = policy.with(member(n), BuiltInRole::Admin, Place::Organization);
        } else if custom_roles > 0 {
            let own = role(usize::try_from(n).expect("it is small") % custom_roles);
            policy = policy.with(member(n), own, environment(project, (n + 1) % ENVIRONMENTS));
        }
    }
    policy
}

fn role(n: usize) -> RoleKey {
    RoleKey::parse(&format!("role-{n}")).expect("it is a key")
}

/// Different decisions in no order: some granted, some refused.
fn questions() -> Vec<Question> {
    let mut questions = Vec::with_capacity(QUESTIONS);
    for n in 0_u128.. {
        if questions.len() == QUESTIONS {
            break;
        }
        let asking = n * 7_919 % MEMBERS;
        let place = environment((asking + n % 2) % PROJECTS, n / MEMBERS % ENVIRONMENTS);
        let which = usize::try_from(n * 31).expect("it is small") % Permission::ALL.len();
        questions.push((member(asking), Permission::ALL[which], place.scope(ORG)));
    }
    questions
}

fn ask(enforcer: &Enforcer, (member, permission, scope): &Question) -> bool {
    enforcer.may(*member, *permission, scope)
}

/// The same decisions, each made beforehand.
fn reference(enforcer: &Enforcer, questions: &[Question]) -> HashMap<Question, bool> {
    questions.iter().map(|question| (*question, ask(enforcer, question))).collect()
}

struct Case {
    name: &'static str,
    /// What each question took, in nanoseconds: the best of the rounds, since what else runs on the machine is none of
    /// the decision's cost.
    best: Vec<u128>,
}

impl Case {
    fn new(name: &'static str) -> Self {
        Self { name, best: vec![u128::MAX; QUESTIONS] }
    }

    #[allow(clippy::disallowed_methods, reason = "measuring is what this program is for")]
    fn round(&mut self, questions: &[Question], answer: impl Fn(&Question) -> bool) {
        for (question, best) in questions.iter().zip(&mut self.best) {
            let start = Instant::now();
            black_box(answer(black_box(question)));
            *best = start.elapsed().as_nanos().min(*best);
        }
    }

    fn quantile(&self, percent: usize) -> u128 {
        let mut sorted = self.best.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * percent).div_ceil(100) - 1]
    }
}

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
#[allow(clippy::cast_precision_loss, reason = "a ratio of measurements needs few digits")]
fn table(_: &mut Criterion) {
    let questions = questions();
    println!(
        "{:<34} {:>8} {:>8} {:>8}  p99 at most 0.2 ms",
        "decision", "p50 ns", "p99 ns", "ratio"
    );
    for custom_roles in [0, 10, 100] {
        let policy = policy(custom_roles);
        let known = reference(&Enforcer::new(&policy), &questions);
        let mut cases = [
            Case::new("hash map (the reference)"),
            Case::new("asked for the first time"),
            Case::new("asked again"),
        ];
        for _ in 0..ROUNDS {
            let enforcer = Enforcer::new(&policy);
            cases[0].round(&questions, |question| known[question]);
            cases[1].round(&questions, |question| ask(&enforcer, question));
            cases[2].round(&questions, |question| ask(&enforcer, question));
        }
        println!("1,000 members, {custom_roles} roles of its own");
        let reference = cases[0].quantile(99) as f64;
        for case in &cases {
            let (median, slowest) = (case.quantile(50), case.quantile(99));
            let verdict = if slowest <= TARGET.as_nanos() { "met" } else { "MISSED" };
            let ratio = slowest as f64 / reference;
            println!("  {:<32} {median:>8} {slowest:>8} {ratio:>8.1}  {verdict}", case.name);
        }
    }
}

fn decisions(criterion: &mut Criterion) {
    let (policy, questions) = (policy(10), questions());
    let enforcer = Enforcer::new(&policy);
    let known = reference(&enforcer, &questions);
    let mut group = criterion.benchmark_group("decide");
    let mut turn = questions.iter().cycle();
    let mut next = move || turn.next().copied();
    group.bench_function("hash-map", |bencher| {
        bencher.iter_batched(
            &mut next,
            |question| question.map(|it| known[&it]),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("again", |bencher| {
        bencher.iter_batched(
            &mut next,
            |question| question.map(|it| ask(&enforcer, &it)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
    criterion.bench_function("build-1000-members", |bencher| {
        bencher.iter(|| Enforcer::new(black_box(&policy)));
    });
}

criterion_group!(benches, table, decisions);
criterion_main!(benches);
