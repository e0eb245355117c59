//! The schema goes up, down and up again, also when several programs do it at once.

use clickhouse::Client;
use ff_ingest::schema::{SchemaError, migrate_down, migrate_up, pending};
use ff_testkit::chdb;

const TABLES: &str = "SELECT name FROM system.tables
    WHERE database = currentDatabase() AND name != 'schema_migrations' ORDER BY name";

async fn tables(client: &Client) -> Vec<String> {
    client.query(TABLES).fetch_all().await.unwrap()
}

#[tokio::test]
async fn up_down_up() {
    let server = chdb::server().await;
    let client = Client::default().with_url(&server.url);
    let all = pending(&client).await.unwrap();
    assert_eq!((all[0].version, all[0].description), (1, "telemetry"));

    assert_eq!(migrate_up(&client).await.unwrap(), all);
    assert_eq!(pending(&client).await.unwrap(), []);
    assert_eq!(migrate_up(&client).await.unwrap(), []);
    let made = tables(&client).await;
    assert!(made.iter().any(|name| name == "events_exposure"), "{made:?}");

    for migration in all.iter().rev() {
        assert_eq!(migrate_down(&client).await.unwrap(), Some(*migration));
    }
    assert_eq!(migrate_down(&client).await.unwrap(), None);
    assert_eq!(tables(&client).await, Vec::<String>::new());

    assert_eq!(migrate_up(&client).await.unwrap(), all);
    assert_eq!(tables(&client).await, made);
}

#[tokio::test]
async fn several_programs_migrate_at_once() {
    let server = chdb::server().await;
    let client = Client::default().with_url(&server.url);
    let runs = (0..6).map(|_| {
        let client = Client::default().with_url(&server.url);
        async move { migrate_up(&client).await }
    });
    for result in futures::future::join_all(runs).await {
        result.unwrap();
    }
    assert_eq!(pending(&client).await.unwrap(), []);
    let twice = "SELECT count() FROM (SELECT version FROM schema_migrations FINAL GROUP BY version HAVING count() > 1)";
    assert_eq!(client.query(twice).fetch_one::<u64>().await.unwrap(), 0);
}

#[tokio::test]
async fn a_failure_says_where_it_was_and_the_next_run_goes_on_there() {
    let server = chdb::server().await;
    let client = Client::default().with_url(&server.url);
    let newer = migrate_up(&client).await.unwrap().len() - 1;
    for _ in 0..newer {
        migrate_down(&client).await.unwrap();
    }
    let row = "INSERT INTO events_sender (instance, sent) VALUES (generateUUIDv4(), 1)";
    client.query(row).execute().await.unwrap();
    let timid = client.clone().with_setting("max_table_size_to_drop", "1");
    let error = migrate_down(&timid).await.unwrap_err();
    assert!(matches!(error, SchemaError::Statement { version: 1, statement: 2, .. }), "{error:?}");
    assert_eq!(migrate_down(&client).await.unwrap().map(|migration| migration.version), Some(1));
    assert_eq!(tables(&client).await, Vec::<String>::new());

    let nowhere = Client::default().with_url("http://127.0.0.1:1");
    assert_eq!(migrate_up(&nowhere).await.unwrap_err().code(), "FF-5300");
}

#[tokio::test]
async fn an_insert_with_a_known_token_is_taken_once() {
    let server = chdb::server().await;
    let client = Client::default().with_url(&server.url);
    migrate_up(&client).await.unwrap();
    let rows = "INSERT INTO events_metric (id, at) SELECT reinterpretAsUUID(number), now64(3) FROM numbers(10)";
    for (token, expected) in [("a", 10), ("a", 10), ("b", 20)] {
        let insert = client.query(rows).with_setting("insert_deduplication_token", token);
        insert.execute().await.unwrap();
        let count = client.query("SELECT count() FROM events_metric").fetch_one::<u64>().await;
        assert_eq!(count.unwrap(), expected, "after {token}");
    }
    let once = client.query("SELECT count() FROM events_metric FINAL").fetch_one::<u64>().await;
    assert_eq!(once.unwrap(), 10);
}
