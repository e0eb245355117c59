//! How many requests a caller may send, alone or shared by all replicas through Redis.
//!
//! ```
//! # use std::time::Duration;
//! # use ff_limits::{Limit, Limits, Quota, Subject};
//! # use uuid::Uuid;
//! const USER: Limit = Limit::new("user", Quota::new(2000, Duration::from_secs(4)));
//! const ORGANIZATION: Limit = Limit::new("org", Quota::new(20_000, Duration::from_secs(4)));
//!
//! # async fn request(limits: Limits, user: Uuid, organization: Uuid) {
//! let asks = [(&USER, Subject::User(user)), (&ORGANIZATION, Subject::Organization(organization))];
//! match limits.take(&asks, 1).await {
//!     Ok(left) => { /* go on, and tell what is left: left.headers() */ }
//!     Err(refused) => { /* 429 with refused.headers() */ }
//! }
//! # }
//! ```
//!
//! Each subject of a limit has a bucket that holds a whole quota and refills evenly, which is kept as one time (GCRA).
//!
//! Invariants:
//! - All or none: where one limit refuses, nothing is taken from the others.
//! - Redis is never waited for longer than 50 ms, and while it does not answer it is not asked: then each replica
//!   counts alone, from what Redis last said, and nobody gets an error.
//! - Memory is bounded: a replica remembers at most 100,000 subjects of a limit, and Redis forgets who has a whole quota.
//! - No address, key or name of anybody reaches Redis, only hashes.

mod answer;
mod keyed;
mod limits;
mod local;
mod measure;
mod quota;
mod shared;
mod store;
mod subject;

pub use answer::{Left, Refused};
pub use limits::{Health, Limits};
pub use measure::SharedRecorder;
pub use quota::{Limit, Quota};
pub use shared::{Redis, RedisTls};
pub use subject::Subject;
