//! Real servers for tests: free ports, a database per test, a clock to set.
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let database = ff_testkit::postgres::database().await; // empty, this test's own
//! let nats = ff_testkit::nats::server().await; // a server of its own
//! sqlx::query("CREATE TABLE t (id int)").execute(&database.pool).await?;
//! let client = nats.client().await;
//! # Ok(()) }
//! ```
//!
//! One PostgreSQL is started by the first test of a test binary that asks, and shared by all its tests;
//! each test has a nats-server, and a server of rate limits, of its own. The kernel kills them when the binary ends, however it ends.
//! Their files lie in the temporary directory and are removed by the next test binary that starts. They
//! do not sync to disk. A test that stops, kills or restarts a server asks for a `dedicated()` one.
//!
//! Functions here panic with the whole chain of causes when a server cannot be had: a test has nothing
//! better to do with such an error.

pub mod authority;
pub mod chdb;
pub mod clock;
mod eventually;
pub mod identity_provider;
pub mod nats;
pub mod postgres;
pub mod redis;
mod scratch;
pub mod tls_proxy;

pub use eventually::eventually;
pub use ff_stack::ports;

/// Takes the value, or fails the test with the error and all its causes.
#[track_caller]
fn must<T, E: std::error::Error>(result: Result<T, E>, action: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            let mut message = format!("could not {action}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            panic!("{message}")
        }
    }
}
