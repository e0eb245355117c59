//! PostgreSQL: an empty database per test, or a server of a test's own.

use std::sync::atomic::{AtomicU32, Ordering};

use ff_stack::{
    StackError, ports,
    postgres::{Authentication, Durability, Postgres, PostgresOptions},
};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::OnceCell;

use crate::{must, scratch};

/// How often another port is tried when the first was taken in between.
const ATTEMPTS: usize = 5;

/// An empty database on the shared server.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    /// Its address, with a user who owns it.
    pub url: String,
    /// Its name.
    pub name: String,
    /// Connections to it, for the runtime of the test that asked.
    pub pool: PgPool,
}

/// A fresh, empty database on the server that the tests of this binary share.
///
/// # Panics
/// When there is no server to be had.
pub async fn database() -> TestDatabase {
    static SHARED: OnceCell<Postgres> = OnceCell::const_new();
    let server = SHARED.get_or_try_init(start).await;
    create_database(must(server, "start postgres")).await
}

/// A server of this test's own, to be stopped and killed, with an empty database.
///
/// # Panics
/// When it cannot be started.
pub async fn dedicated() -> DedicatedPostgres {
    let server = must(start().await, "start postgres");
    let TestDatabase { url, name, pool } = create_database(&server).await;
    DedicatedPostgres { url, name, pool, server }
}

/// A server of a test's own. It is killed when this is dropped.
#[derive(Debug)]
pub struct DedicatedPostgres {
    /// The address of a database on it, the same after a restart.
    pub url: String,
    /// The database's name.
    pub name: String,
    /// Connections to that database. After a restart the broken ones are replaced on use.
    pub pool: PgPool,
    server: Postgres,
}

impl DedicatedPostgres {
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
        must(self.server.server().restart().await, "restart postgres");
    }
}

async fn start() -> Result<Postgres, StackError> {
    let directory = scratch::directory("postgres");
    let mut failed = 0;
    loop {
        let log = directory.with_extension("log");
        let mut options =
            PostgresOptions::new(ports::free_port(), &directory, log, "ff_admin", "unused");
        options.database = "postgres".to_owned();
        options.authentication = Authentication::Trust;
        options.durability = Durability::None;
        match options.start().await {
            Err(StackError::EndedEarly { .. }) if failed < ATTEMPTS => failed += 1,
            result => return result,
        }
    }
}

async fn create_database(server: &Postgres) -> TestDatabase {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = PgConnection::connect(&server.url("postgres")).await;
    let mut admin = must(admin, "connect to postgres");
    // From template0, which nobody is ever connected to: several tests may do this at once.
    let statement = format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy");
    must(sqlx::query(&statement).execute(&mut admin).await, "create a database");
    must(admin.close().await, "close a connection");
    let url = server.url(&name);
    let pool = PgPoolOptions::new().max_connections(10).connect(&url).await;
    TestDatabase { pool: must(pool, "connect to a database"), url, name }
}
