//! Who is refused again and again fills no disk.
//!
//! Of what anybody can bring about without any right, a few records of each source are kept in a minute, and a number of
//! all sources together. The rest is counted, and becomes one record with the count when the minute is over. A source is
//! who did it, if that was proved, and else the network it came from.
//!
//! What needs a right (issuing a key, giving a role) is never throttled: whoever can do it is known, and limited elsewhere.

use std::hash::{BuildHasher, RandomState};
use std::mem::size_of;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::network::Network;
use crate::record::id_at;
use crate::{Detail, Kind, Outcome, Record};

const SHARDS: usize = 16;
/// Sources that are told apart in each part; more than all records of a minute can be of.
const SOURCES: usize = 512;
/// Why a record stands for others.
const REPEATED: &str = "repeated";

/// How much of what anybody can bring about is recorded, by each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Records of one kind and source in a minute.
    pub per_source: u32,
    /// Records of one kind in a minute.
    pub per_kind: u32,
}

impl Default for ThrottleOptions {
    /// Ten of a source, 300 of a kind.
    fn default() -> Self {
        Self { per_source: 10, per_kind: 300 }
    }
}

/// What was recorded, and what was not, in this minute.
#[derive(Debug)]
pub(crate) struct Throttle {
    options: ThrottleOptions,
    hasher: RandomState,
    shards: [Mutex<FxHashMap<(Kind, Source), Bucket>>; SHARDS],
    /// For each kind the minute and how many were recorded in it, in one number.
    kinds: Box<[AtomicU64]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Actor(Uuid),
    Network(Network),
    /// From nowhere, or more than can be told apart.
    Others,
}

#[derive(Debug)]
struct Bucket {
    minute: i64,
    recorded: u32,
    folded: Option<Folded>,
}

/// Records that are one now.
#[derive(Debug)]
struct Folded {
    /// The first of them, less what does not hold for all.
    first: Record,
    count: u64,
}

impl Throttle {
    pub(crate) fn new(options: ThrottleOptions) -> Self {
        Self {
            options,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            kinds: Kind::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Gives the record back if it is to be recorded now, and counts it otherwise.
    pub(crate) fn admit(&self, now: Timestamp, record: Record) -> Option<Record> {
        if record.outcome != Outcome::Refused && !record.kind.by_anyone() {
            return Some(record);
        }
        let minute = minute(now);
        let mut key = (record.kind, Source::of(&record));
        let mut shard = self.shard(&key);
        if shard.len() >= SOURCES && !shard.contains_key(&key) {
            key.1 = Source::Others;
        }
        let bucket = shard.entry(key).or_insert(Bucket { minute, recorded: 0, folded: None });
        if bucket.minute != minute && bucket.folded.is_none() {
            *bucket = Bucket { minute, recorded: 0, folded: None };
        }
        let fits = bucket.minute == minute && bucket.recorded < self.options.per_source;
        if fits && self.take(record.kind, minute) {
            bucket.recorded += 1;
            return Some(record);
        }
        match &mut bucket.folded {
            Some(folded) => folded.add(&record),
            None => bucket.folded = Some(Folded { first: record, count: 1 }),
        }
        None
    }

    /// The records that stand for those of minutes that are over.
    pub(crate) fn sweep(&self, now: Timestamp) -> Vec<Record> {
        self.gather(now, minute(now))
    }

    /// The same, and those of this minute.
    pub(crate) fn sweep_all(&self, now: Timestamp) -> Vec<Record> {
        self.gather(now, i64::MAX)
    }

    fn gather(&self, now: Timestamp, before: i64) -> Vec<Record> {
        let mut due: FxHashMap<Kind, Vec<Folded>> = FxHashMap::default();
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|(kind, _), bucket| {
                if bucket.minute >= before {
                    return true;
                }
                due.entry(*kind).or_default().extend(bucket.folded.take());
                false
            });
        }
        let most = usize::try_from(self.options.per_kind).unwrap_or(usize::MAX).max(1);
        let mut records = Vec::new();
        for (_, mut folded) in due {
            folded.sort_by_key(|folded| std::cmp::Reverse(folded.count));
            // So many sources are one attack, and one record.
            let rest = folded.split_off(folded.len().min(most));
            records.extend(folded.into_iter().map(|folded| folded.record(now)));
            let rest = rest.into_iter().reduce(|all, folded| all.join(&folded));
            records.extend(rest.map(|folded| folded.record(now)));
        }
        records
    }

    /// Whether one more of this kind may be recorded in this minute.
    fn take(&self, kind: Kind, minute: i64) -> bool {
        const COUNT: u32 = 24;
        let limit = u64::from(self.options.per_kind).min((1 << COUNT) - 1);
        let minute = minute.unsigned_abs() << COUNT;
        let next = |value: u64| match value.checked_sub(minute) {
            Some(count) if count < 1 << COUNT => (count < limit).then_some(value + 1),
            _ => (limit > 0).then_some(minute + 1),
        };
        self.kinds[kind as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    fn shard(&self, key: &(Kind, Source)) -> MutexGuard<'_, FxHashMap<(Kind, Source), Bucket>> {
        let hash = self.hasher.hash_one(key).to_ne_bytes();
        lock(&self.shards[usize::from(hash[0]) % SHARDS])
    }
}

const _: () = assert!(size_of::<Bucket>() * SHARDS * SOURCES < 4 * 1024 * 1024, "bounded memory");

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Source {
    fn of(record: &Record) -> Self {
        match (record.actor, record.address) {
            (Some(actor), _) => Self::Actor(actor.id),
            (None, Some(address)) => Self::Network(Network::of(address)),
            (None, None) => Self::Others,
        }
    }
}

impl Folded {
    fn add(&mut self, other: &Record) {
        self.count += 1;
        self.blur(other);
    }

    fn join(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.blur(&other.first);
        self
    }

    /// Leaves out what is not the same in all.
    fn blur(&mut self, other: &Record) {
        fn keep<T: PartialEq>(known: &mut Option<T>, other: &Option<T>) {
            if known != other {
                *known = None;
            }
        }
        let first = &mut self.first;
        keep(&mut first.organization, &other.organization);
        keep(&mut first.actor, &other.actor);
        keep(&mut first.subject, &other.subject);
        keep(&mut first.session, &other.session);
        // Of one network the first address stands for all.
        if first.address.map(Network::of) != other.address.map(Network::of) {
            first.address = None;
        }
        keep(&mut first.reason, &other.reason);
    }

    fn record(self, now: Timestamp) -> Record {
        let mut detail = Detail::default();
        detail.set("count", &self.count.to_string());
        detail.set("since", &self.first.at.to_string());
        if let Some(reason) = self.first.reason {
            detail.set("reason", reason);
        }
        Record {
            id: id_at(now),
            at: now,
            request: None,
            reason: Some(REPEATED),
            detail,
            ..self.first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Service};

    const OPTIONS: ThrottleOptions = ThrottleOptions { per_source: 2, per_kind: 5 };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn refused(second: i64, address: &str) -> Record {
        Record::new(at(second), Kind::KeyRefused, Outcome::Refused, Service::Edge)
            .address(address.parse::<std::net::IpAddr>().ok())
            .reason("unknown")
    }

    fn admitted(throttle: &Throttle, second: i64, address: &str, times: usize) -> usize {
        (0..times)
            .filter(|_| throttle.admit(at(second), refused(second, address)).is_some())
            .count()
    }

    #[test]
    fn of_one_source_a_few_are_kept_and_the_rest_becomes_one_with_a_count() {
        let throttle = Throttle::new(OPTIONS);
        assert_eq!(admitted(&throttle, 0, "192.0.2.1", 100), 2);
        assert_eq!(admitted(&throttle, 1, "192.0.2.200", 100), 0);
        assert_eq!(admitted(&throttle, 1, "198.51.100.1", 1), 1);
        assert!(throttle.sweep(at(59)).is_empty());
        let records = throttle.sweep(at(60));
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((record.reason, record.outcome), (Some(REPEATED), Outcome::Refused));
        assert_eq!(record.detail.get("count"), Some("198"));
        assert_eq!(record.detail.get("reason"), Some("unknown"));
        assert_eq!(record.address, refused(0, "192.0.2.1").address);
        assert!(throttle.sweep(at(120)).is_empty());
        assert_eq!(admitted(&throttle, 60, "192.0.2.1", 3), 2);
        assert_eq!(throttle.sweep_all(at(61)).len(), 1);
    }

    #[test]
    fn of_a_kind_some_are_kept_however_many_sources_there_are() {
        let throttle = Throttle::new(OPTIONS);
        let sources = 20_000_u32;
        let kept = (0..sources)
            .filter(|n| {
                let record = refused(0, &std::net::Ipv4Addr::from(n << 8).to_string());
                throttle.admit(at(0), record).is_some()
            })
            .count();
        assert_eq!(kept, 5);
        let records = throttle.sweep(at(60));
        assert_eq!(records.len(), 6);
        let counts = records.iter().map(|record| record.detail.get("count").unwrap());
        let sum: u32 = counts.map(|count| count.parse::<u32>().unwrap()).sum();
        assert_eq!(sum, sources - 5);
        let told_apart: usize = throttle.shards.iter().map(|shard| lock(shard).len()).sum();
        assert_eq!(told_apart, 0);
        // Another kind is not affected.
        let other = Record { kind: Kind::CsrfRefused, ..refused(0, "192.0.2.1") };
        assert!(throttle.admit(at(0), other).is_some());
    }

    #[test]
    fn sources_that_are_told_apart_are_bounded() {
        let throttle = Throttle::new(OPTIONS);
        for n in 0..50_000_u32 {
            throttle.admit(at(0), refused(0, &std::net::Ipv4Addr::from(n << 8).to_string()));
        }
        for shard in &throttle.shards {
            // One more stands for the others.
            assert!(lock(shard).len() <= SOURCES + 1);
        }
    }

    #[test]
    fn what_needs_a_right_is_always_recorded() {
        let throttle = Throttle::new(OPTIONS);
        for _ in 0..100 {
            let actor = Actor::user(Uuid::from_u128(1));
            let given =
                Record::new(at(0), Kind::RoleGiven, Outcome::Ok, Service::Control).actor(actor);
            assert!(throttle.admit(at(0), given.clone()).is_some());
            let denied = Record { kind: Kind::AccessDenied, outcome: Outcome::Refused, ..given };
            throttle.admit(at(0), denied);
        }
        let records = throttle.sweep_all(at(0));
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].actor, Some(Actor::user(Uuid::from_u128(1))));
        assert_eq!(records[0].detail.get("count"), Some("98"));
    }

    #[test]
    fn a_summary_names_only_what_holds_for_all() {
        let throttle = Throttle::new(ThrottleOptions { per_source: 0, ..OPTIONS });
        let one = Uuid::from_u128(1);
        throttle.admit(at(0), refused(0, "192.0.2.1").organization(one).session(one));
        throttle.admit(at(0), refused(0, "192.0.2.2").organization(one).reason("expired"));
        let record = throttle.sweep_all(at(1)).pop().unwrap();
        assert_eq!((record.organization, record.session), (Some(one), None));
        assert_eq!(record.detail.get("reason"), None);
    }
}
