//! What a use of a key costs on the way of a request, and that it allocates nothing: one key from one network, many keys
//! from many networks, and all threads at one key.

#![allow(clippy::print_stdout, reason = "a bench prints its result")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must say where it stopped")]

use std::alloc::System;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Instant;

use ff_security::{Recorder, RecorderOptions, Service};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: u32 = 2_000_000;
const ROUNDS: usize = 5;
/// Nanoseconds that a call may take.
const TARGET: f64 = 100.0;

fn main() -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    // Nobody listens there: what is measured is all there is while NATS is away.
    let client = runtime.block_on(ff_security::connect("nats://127.0.0.1:9")).unwrap();
    let recorder = Recorder::start(client, RecorderOptions::default());
    let none = Recorder::none();

    let keys: Vec<Uuid> =
        (0..1000_u128).map(|n| Uuid::from_u128(n * 0x9e37_79b9_7f4a_7c15)).collect();
    let addresses: Vec<IpAddr> =
        (0..20_u32).map(|n| Ipv4Addr::from(0x0a00_0000 + (n << 8)).into()).collect();
    let one = |recorder: &Recorder, _| use_key(recorder, keys[0], addresses[0]);
    let many = |recorder: &Recorder, call: usize| {
        use_key(recorder, keys[call % keys.len()], addresses[call % addresses.len()]);
    };

    let mut good = true;
    println!("{:<44} {:>12} {:>14}", "", "ns a call", "allocations");
    for (name, recorder, work, target) in [
        ("no recorder", &none, &one as &(dyn Fn(&Recorder, usize) + Sync), 10.0),
        ("one key, one network", &recorder, &one, TARGET),
        ("1,000 keys, 20 networks", &recorder, &many, TARGET),
    ] {
        for call in 0..keys.len() * addresses.len() {
            work(recorder, call);
        }
        let (nanoseconds, allocations) = measure(|call| work(recorder, call));
        good &= nanoseconds < target && allocations == 0;
        println!("{name:<44} {nanoseconds:>12.1} {allocations:>14}");
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let (nanoseconds, _) = measure_together(threads, |call| one(&recorder, call));
    println!("{:<44} {nanoseconds:>12.1}", format!("one key, {threads} threads at once"));
    println!("target: below {TARGET} ns, 0 allocations: {}", if good { "met" } else { "MISSED" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn use_key(recorder: &Recorder, key: Uuid, address: IpAddr) {
    recorder.key_used(black_box(None), black_box(key), Service::Edge, black_box(address));
}

/// The best round: what else the machine does is not what is measured.
fn measure(work: impl Fn(usize)) -> (f64, usize) {
    let round = |_| {
        let region = Region::new(ALLOCATOR);
        let started = Instant::now();
        (0..CALLS as usize).for_each(&work);
        let took = started.elapsed();
        (took.as_secs_f64() * 1e9 / f64::from(CALLS), region.change().allocations)
    };
    let rounds: Vec<(f64, usize)> = (0..ROUNDS).map(round).collect();
    let best = rounds.iter().map(|round| round.0).fold(f64::INFINITY, f64::min);
    // The tasks in the background allocate now and then; the hot path would in every round.
    (best, rounds.iter().map(|round| round.1).min().unwrap_or(0))
}

fn measure_together(threads: usize, work: impl Fn(usize) + Sync) -> (f64, usize) {
    let rounds = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..CALLS as usize).for_each(&work));
            }
        });
        started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    (rounds.fold(f64::INFINITY, f64::min), 0)
}
