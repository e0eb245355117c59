//! The ClickHouse-compatible server: one of a test's own.
//!
//! It runs the program `ff-chdb` of `ff-stack`, which lies beside the test binaries once it was
//! built. Cargo builds it with `cargo build` or `cargo test` of the workspace, but not for the tests
//! of one other package: then it is built here, by the cargo that runs the test.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use ff_stack::{
    StackError,
    chdb::{Chdb, ChdbOptions},
    ports,
};

use crate::{must, scratch};

/// How often another port is tried when the first was taken in between.
const ATTEMPTS: usize = 5;

/// A server of a test's own. It is killed when this is dropped: keep it as long as the test runs.
#[derive(Debug)]
#[must_use = "the server is killed when this is dropped"]
pub struct TestChdb {
    /// Its address, the same after a restart.
    pub url: String,
    server: Chdb,
}

/// A server of this test's own, empty.
///
/// # Panics
/// When it cannot be started.
pub async fn server() -> TestChdb {
    let program = tokio::task::spawn_blocking(program).await;
    let program = program.expect("looking for a program does not end a test by itself");
    let server = must(start(program).await, "start ff-chdb");
    TestChdb { url: server.url(), server }
}

impl TestChdb {
    /// Stops it cleanly.
    pub async fn stop(&mut self) {
        self.server.server().stop().await;
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) {
        self.server.server().kill().await;
    }

    /// Starts it again, on the same port and the same data.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(&mut self) {
        must(self.server.server().restart().await, "restart ff-chdb");
    }
}

async fn start(program: &Path) -> Result<Chdb, StackError> {
    let directory = scratch::directory("clickhouse");
    let mut failed = 0;
    loop {
        let options = ChdbOptions {
            port: ports::free_port(),
            directory: directory.clone(),
            log: directory.with_extension("log"),
            program: program.to_owned(),
        };
        match options.start().await {
            Err(StackError::EndedEarly { .. }) if failed < ATTEMPTS => failed += 1,
            result => return result,
        }
    }
}

/// The program, which is built when it is missing.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = env::current_exe().expect("a running program has a path");
        // target/<profile>/deps/<test>
        let profile = test.ancestors().nth(2).expect("test binaries lie in target/<profile>/deps");
        let program = profile.join("ff-chdb");
        if !program.exists() {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--package", "ff-stack", "--bin", "ff-chdb"]);
            if profile.ends_with("release") {
                build.arg("--release");
            }
            let built = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status();
            assert!(
                built.is_ok_and(|status| status.success()),
                "ff-chdb is missing: run `cargo build -p ff-stack --bin ff-chdb`"
            );
        }
        program
    })
}
