//! PostgreSQL: the same for root and for everyone else.

use std::fs;

use ff_stack::{
    StackError, ports,
    postgres::{Postgres, PostgresOptions},
};
use sqlx::{Connection, PgConnection};

async fn connect(postgres: &Postgres) -> PgConnection {
    PgConnection::connect(&postgres.url("feature_flags")).await.unwrap()
}

#[tokio::test]
async fn a_committed_row_survives_sigkill_and_the_password_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("postgres"), directory.path().join("postgres.log"));
    let port = ports::free_port();
    let options = PostgresOptions::new(port, &data, log, "feature_flags", "s'e cret\\");
    let mut postgres = options.clone().start().await.unwrap();
    let mut connection = connect(&postgres).await;
    sqlx::query("CREATE TABLE t AS SELECT 7 AS id").execute(&mut connection).await.unwrap();

    let refused = format!("postgres://feature_flags:wrong@127.0.0.1:{port}/feature_flags");
    let error = PgConnection::connect(&refused).await.unwrap_err();
    assert!(error.to_string().contains("password authentication failed"), "{error}");

    postgres.server().kill().await;
    postgres.server().restart().await.unwrap();

    let id = sqlx::query_scalar("SELECT id FROM t").fetch_one(&mut connect(&postgres).await).await;
    assert_eq!(id.ok(), Some(7));
    postgres.stop().await;
    assert!(!data.join("data/postmaster.pid").exists());
    assert!(!data.join("password.once").exists());

    // After a restart of the machine the number in the file may be anybody's.
    fs::write(data.join("data/postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
    let postgres = options.start().await.unwrap();
    connect(&postgres).await.ping().await.unwrap();
    postgres.stop().await;
}

#[tokio::test]
async fn a_start_that_was_cut_short_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("postgres"), directory.path().join("postgres.log"));
    fs::create_dir_all(data.join("data.unfinished")).unwrap();
    fs::write(data.join("data.unfinished/PG_VERSION"), "18\n").unwrap();
    let options = PostgresOptions::new(ports::free_port(), &data, log, "feature_flags", "secret");
    let postgres = options.start().await.unwrap();
    connect(&postgres).await.ping().await.unwrap();
    postgres.stop().await;
}

#[tokio::test]
async fn data_of_another_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("postgres"), directory.path().join("postgres.log"));
    fs::create_dir_all(data.join("data")).unwrap();
    fs::write(data.join("data/PG_VERSION"), "17\n").unwrap();
    let options = PostgresOptions::new(ports::free_port(), &data, log, "feature_flags", "secret");
    let error = options.start().await.unwrap_err();
    assert!(matches!(error, StackError::DataVersion { .. }), "{error}");
}

#[tokio::test]
async fn a_name_that_needs_quoting_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("postgres.log");
    let data = directory.path().join("postgres");
    let options = PostgresOptions::new(ports::free_port(), data, log, "x; DROP", "secret");
    let error = options.start().await.unwrap_err();
    assert!(matches!(error, StackError::BadName { .. }), "{error}");
}
