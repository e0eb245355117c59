//! The server of shared rate limits: one of a test's own, which takes a few hundredths of a second.

use ff_stack::{
    StackError, ports,
    redis::{Redis, RedisOptions},
};

use crate::{must, scratch};

/// How often another port is tried when the first was taken in between.
const ATTEMPTS: usize = 5;

/// A server of a test's own. It is killed when this is dropped: keep it as long as the test runs.
#[derive(Debug)]
#[must_use = "the server is killed when this is dropped"]
pub struct TestRedis {
    /// Its host.
    pub host: String,
    /// Its port, the same after a restart.
    pub port: u16,
    server: Redis,
}

/// A server of this test's own, empty.
///
/// # Panics
/// When it cannot be started.
pub async fn server() -> TestRedis {
    let server = must(start().await, "start redis");
    TestRedis { host: "127.0.0.1".to_owned(), port: server.port(), server }
}

impl TestRedis {
    /// Stops it cleanly.
    pub async fn stop(&mut self) {
        self.server.server().stop().await;
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) {
        self.server.server().kill().await;
    }

    /// Starts it again, on the same port and empty.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(&mut self) {
        must(self.server.server().restart().await, "restart redis");
    }

    /// Freezes it: it takes connections and commands, and answers none.
    pub fn pause(&mut self) {
        self.server.server().pause();
    }

    /// Lets it go on; what it was sent meanwhile is done now.
    pub fn resume(&mut self) {
        self.server.server().resume();
    }
}

async fn start() -> Result<Redis, StackError> {
    let directory = scratch::directory("redis");
    let mut failed = 0;
    loop {
        let log = directory.with_extension("log");
        let options = RedisOptions::new(ports::free_port(), &directory, log);
        match options.start().await {
            Err(StackError::EndedEarly { .. }) if failed < ATTEMPTS => failed += 1,
            result => return result,
        }
    }
}
