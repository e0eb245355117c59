//! The ClickHouse-compatible server, used through the `clickhouse` crate as it is.

use std::path::Path;

use clickhouse::{Client, Row, error::Error};
use ff_stack::{
    chdb::{Chdb, ChdbOptions},
    ports,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Row, Serialize, Deserialize)]
struct Line {
    id: u32,
    text: String,
}

async fn start(directory: &Path) -> Chdb {
    let options = ChdbOptions {
        port: ports::free_port(),
        directory: directory.join("clickhouse"),
        log: directory.join("clickhouse.log"),
        program: env!("CARGO_BIN_EXE_ff-chdb").into(),
    };
    options.start().await.unwrap()
}

fn client(server: &Chdb) -> Client {
    Client::default().with_url(server.url())
}

async fn make_table(client: &Client) {
    let statement = "CREATE TABLE t (id UInt32, text String) ENGINE = MergeTree ORDER BY id \
                     SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";
    client.query(statement).execute().await.unwrap();
}

fn lines() -> Vec<Line> {
    // What a text protocol would trip over: line breaks, quotes, the end of a statement.
    ["plain", "\n\n", "it's; -- \\", " leading", "\u{0}\u{1}", "ü☃"]
        .iter()
        .zip([7, 0x0a0a_0a0a, 0x2020_2020, 0, 9, u32::MAX])
        .map(|(text, id)| Line { id, text: (*text).to_owned() })
        .collect()
}

#[tokio::test]
async fn queries_parameters_and_settings() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let client = client(&server);

    assert_eq!(client.query("SELECT 1").fetch_one::<u8>().await.unwrap(), 1);
    let (text, number): (String, i64) = client
        .query("SELECT {text: String}, {number: Int64} + 1")
        .param("text", "it's\n\ta 'test' \\ ü")
        .param("number", -43)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!((&*text, number), ("it's\n\ta 'test' \\ ü", -42));
    let bound = client.query("SELECT ?, ?").bind("a'b").bind(5_u8);
    assert_eq!(bound.fetch_one::<(String, u8)>().await.unwrap(), ("a'b".to_owned(), 5));

    let query = "SELECT toUInt64(getSetting('max_threads'))";
    let before = client.query(query).fetch_one::<u64>().await.unwrap();
    let other = client.clone().with_setting("max_threads", "3");
    assert_eq!(other.query(query).fetch_one::<u64>().await.unwrap(), 3);
    client.query("SET max_threads = 5").execute().await.unwrap();
    let after = client.query(query).fetch_one::<u64>().await.unwrap();
    assert_eq!(before, after, "settings must not leak into other requests");

    client.query("CREATE DATABASE other").execute().await.unwrap();
    let database = client.clone().with_database("other").query("SELECT currentDatabase()");
    assert_eq!(database.fetch_one::<String>().await.unwrap(), "other");
    server.stop().await;
}

#[tokio::test]
async fn rows_survive_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = start(directory.path()).await;
    let client = client(&server);
    make_table(&client).await;
    client.query("INSERT INTO t VALUES (1, 'as text')").execute().await.unwrap();
    let mut insert = client.insert::<Line>("t").await.unwrap();
    for line in lines() {
        insert.write(&line).await.unwrap();
    }
    insert.end().await.unwrap();

    server.server().kill().await;
    server.server().restart().await.unwrap();

    let mut expected = lines();
    expected.push(Line { id: 1, text: "as text".into() });
    expected.sort();
    let query = client.query("SELECT ?fields FROM t ORDER BY id, text");
    assert_eq!(query.fetch_all::<Line>().await.unwrap(), expected);
    server.stop().await;
}

#[tokio::test]
async fn errors_carry_the_engine_s_message() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let client = client(&server);
    let answer = client.query("SELECT * FROM nothing").execute().await.unwrap_err();
    assert!(
        matches!(&answer, Error::BadResponse(text) if text.contains("UNKNOWN_TABLE")),
        "{answer}"
    );
    // It fails after rows have come: none of them may count.
    let late = "SELECT throwIf(number = 100000) FROM numbers(200000)";
    let answer = client.query(late).fetch_all::<u8>().await.unwrap_err();
    assert!(
        matches!(&answer, Error::BadResponse(text) if text.starts_with("Code: 395")),
        "{answer}"
    );

    let http = reqwest::Client::new();
    let read_only = format!("{}/?query=CREATE+DATABASE+x", server.url());
    let status = http.get(read_only).send().await.unwrap().status();
    assert_eq!(status.as_u16(), 500, "a GET must not write");
    let page = http.post(server.url()).header("origin", "http://evil.example").body("SELECT 1");
    assert_eq!(page.send().await.unwrap().status().as_u16(), 403);
    let unknown = http.post(format!("{}/?no_such_setting=1", server.url())).body("SELECT 1");
    let response = unknown.send().await.unwrap();
    assert_eq!(response.headers()["x-clickhouse-exception-code"], "115");
    assert_eq!(response.status().as_u16(), 400);
    server.stop().await;
}

#[tokio::test]
async fn many_queries_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path()).await;
    let client = client(&server);
    make_table(&client).await;
    let tasks = (0..40_u32).map(|id| {
        let client = client.clone();
        async move {
            let statement = "INSERT INTO t VALUES ({id: UInt32}, 'x')";
            client.query(statement).param("id", id).execute().await.unwrap();
            let sum =
                client.query("SELECT sum(number) FROM numbers({n: UInt64})").param("n", id + 1);
            assert_eq!(sum.fetch_one::<u64>().await.unwrap(), u64::from(id * (id + 1) / 2));
        }
    });
    futures::future::join_all(tasks).await;
    let count = client.query("SELECT uniqExact(id) FROM t").fetch_one::<u64>().await.unwrap();
    assert_eq!(count, 40);
    server.stop().await;
}
