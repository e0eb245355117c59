//! What is said to Redis: two scripts, which it runs one at a time.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script, ScriptInvocation};

use super::keys::PREFIX;
use crate::answer::{Denied, Verdict};
use crate::quota::Quota;

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_back.lua")));

/// Who refuses, how long to wait, what is left in each bucket, and when each is full.
type Answer = (i64, i64, Vec<i64>, Vec<i64>);

/// A bucket, and how much of it is meant.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) key: String,
    pub(crate) quota: Quota,
    pub(crate) cost: u32,
}

/// Why Redis is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("redis could not be asked")]
    Redis(#[from] RedisError),
    #[error("redis did not answer within {} ms", .0.as_millis())]
    Slow(Duration),
    #[error("redis answered something that its script never says")]
    Nonsense,
}

/// Takes from every bucket or from none.
pub(crate) async fn take(
    mut connection: MultiplexedConnection,
    buckets: &[Bucket],
) -> Result<Verdict, Failure> {
    let answer: Answer = about(&TAKE, buckets).invoke_async(&mut connection).await?;
    understand(&answer, buckets.len()).ok_or(Failure::Nonsense)
}

/// Gives back to every bucket what was taken from it, and says after what time each is full.
pub(crate) async fn give_back(
    mut connection: MultiplexedConnection,
    buckets: &[Bucket],
) -> Result<Vec<Duration>, Failure> {
    let known: Vec<i64> = about(&GIVE_BACK, buckets).invoke_async(&mut connection).await?;
    times(&known).filter(|times| times.len() == buckets.len()).ok_or(Failure::Nonsense)
}

/// Does what a request does: a server that answers a ping may still refuse to run a script, or to write.
pub(crate) async fn probe(connection: MultiplexedConnection) -> Result<(), Failure> {
    let quota = Quota::new(1_000_000, Duration::from_secs(1));
    let bucket = Bucket { key: format!("{PREFIX}probe"), quota, cost: 1 };
    take(connection, &[bucket]).await.map(|_| ())
}

fn about<'a>(script: &'a Script, buckets: &[Bucket]) -> ScriptInvocation<'a> {
    let mut invocation = script.prepare_invoke();
    for Bucket { key, quota, cost } in buckets {
        let window = u64::try_from(quota.window().as_micros()).unwrap_or(u64::MAX);
        invocation.key(key).arg(window).arg(quota.requests.get()).arg(*cost);
    }
    invocation
}

fn understand((by, wait, left, full_in): &Answer, buckets: usize) -> Option<Verdict> {
    let left: Vec<u32> = left.iter().map(|&left| left.try_into().ok()).collect::<Option<_>>()?;
    let full_in = times(full_in)?;
    let (by, wait) = (usize::try_from(*by).ok()?, u64::try_from(*wait).ok()?);
    if left.len() != buckets || full_in.len() != buckets || by > buckets {
        return None;
    }
    let outcome = match by.checked_sub(1) {
        None => Ok(left),
        Some(by) => Err(Denied { by, wait: Duration::from_micros(wait) }),
    };
    Some(Verdict { outcome, full_in })
}

fn times(micros: &[i64]) -> Option<Vec<Duration>> {
    micros.iter().map(|&micros| micros.try_into().ok().map(Duration::from_micros)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_not_taken_for_an_answer() {
        let outcome = |by, wait, left: &[i64], full_in: &[i64]| {
            understand(&(by, wait, left.to_vec(), full_in.to_vec()), 2).map(|it| it.outcome)
        };
        assert_eq!(outcome(0, 0, &[7, 8], &[0, 9]), Some(Ok(vec![7, 8])));
        let denied = Denied { by: 1, wait: Duration::from_millis(3) };
        assert_eq!(outcome(2, 3000, &[7, 0], &[0, 9]), Some(Err(denied)));
        for (by, wait, left, full_in) in [
            (0, 0, &[][..], &[0, 0][..]),
            (0, 0, &[1], &[0, 0]),
            (0, 0, &[1, 1, 1], &[0, 0]),
            (0, 0, &[1, -1], &[0, 0]),
            (0, 0, &[1, 1], &[0]),
            (0, 0, &[1, 1], &[0, -1]),
            (0, -1, &[1, 1], &[0, 0]),
            (3, 0, &[1, 1], &[0, 0]),
            (-1, 0, &[1, 1], &[0, 0]),
        ] {
            let found = outcome(by, wait, left, full_in);
            assert_eq!(found, None, "{by} {wait} {left:?} {full_in:?}");
        }
    }
}
