//! Limits that replicas share, on a real server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counting;
mod encrypted;
mod outages;
mod said;

use std::time::Duration;

use ff_limits::{Health, Limit, Limits, Quota, Redis, Subject};
use ff_testkit::{eventually, redis::TestRedis};
use uuid::Uuid;

/// A bound on what happens soon; nothing here waits that long when all is well.
const SOON: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// A quota that does not come back while a test runs.
const USER: Limit = Limit::new("user", Quota::new(200, HOUR));

fn user() -> Subject {
    Subject::User(Uuid::new_v4())
}

fn address(server: &TestRedis) -> Redis {
    Redis::new(&server.host, server.port)
}

/// A replica that waits for an answer however busy the machine is.
async fn patient(server: &TestRedis) -> Limits {
    let limits = Limits::shared(address(server).with_patience(SOON)).await;
    becomes(&limits, Health::Shared).await;
    limits
}

async fn becomes(limits: &Limits, health: Health) {
    eventually(
        SOON,
        async || if limits.health() == health { Ok(()) } else { Err(limits.health()) },
    )
    .await;
}

/// Takes one at a time, many at once, through all of the replicas, and counts what is let through.
async fn burst(
    replicas: &[&Limits],
    limit: &'static Limit,
    subject: Subject,
    tries: usize,
) -> usize {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let limits = replicas[task % replicas.len()].clone();
            tokio::spawn(async move {
                let mut admitted = 0;
                for _ in 0..tries / 16 {
                    admitted += usize::from(limits.take(&[(limit, subject)], 1).await.is_ok());
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    admitted
}
