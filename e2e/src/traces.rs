//! Everything that a platform keeps, to be searched for what should not be there: every message of every stream, every row
//! of every table, and every file of its folder.
//!
//! Rows of PostgreSQL are read as rows: its files hold old versions of them until they are vacuumed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use futures::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgPool};

use crate::Platform;

/// Everything that a platform keeps, by place, in lower case.
#[derive(Debug, Default)]
pub struct Traces(BTreeMap<String, Vec<u8>>);

impl Traces {
    /// Reads all of it.
    pub async fn of(platform: &Platform) -> anyhow::Result<Self> {
        let mut traces = Self::default();
        traces.streams(platform).await.context("NATS")?;
        traces.tables(platform).await.context("PostgreSQL")?;
        traces.events(platform).await.context("ClickHouse")?;
        traces.files(platform.folder(), platform.folder()).context("files")?;
        Ok(traces)
    }

    /// The places that hold this text, in upper or lower case, and begin like this.
    #[must_use]
    pub fn of_text(&self, text: &str, within: &str) -> Vec<&str> {
        let text = text.to_lowercase();
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        let places =
            self.0.iter().filter(|(place, bytes)| place.starts_with(within) && holds(bytes));
        places.map(|(place, _)| place.as_str()).collect()
    }

    /// The lines of a place that hold this text, for the message of a failed test.
    #[must_use]
    pub fn lines(&self, text: &str, place: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let held = self.0.get(place).map(|held| String::from_utf8_lossy(held)).unwrap_or_default();
        let found = held.lines().filter(|line| line.contains(&text));
        found.take(5).map(|line| line.chars().take(1000).collect()).collect()
    }

    /// The places that there are, to know that none was passed over.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn note(&mut self, place: String, bytes: &[u8]) {
        let held = self.0.entry(place).or_default();
        held.extend(bytes.iter().map(u8::to_ascii_lowercase));
        held.push(b'\n');
    }

    async fn streams(&mut self, platform: &Platform) -> anyhow::Result<()> {
        let url = format!("nats://127.0.0.1:{}", platform.port("FF_STACK_NATS_PORT"));
        let context = async_nats::jetstream::new(async_nats::connect(url).await?);
        let names: Vec<String> = context.stream_names().try_collect().await?;
        for name in names {
            let stream = context.get_stream(&name).await?;
            let state = stream.cached_info().state.clone();
            let place = format!("nats/{name}");
            self.note(place.clone(), b"");
            for sequence in state.first_sequence..=state.last_sequence {
                // Some are gone: newer ones of their subject took their place.
                let Ok(message) = stream.get_raw_message(sequence).await else { continue };
                self.note(place.clone(), message.subject.as_bytes());
                self.note(place.clone(), format!("{:?}", message.headers).as_bytes());
                self.note(place.clone(), &message.payload);
            }
        }
        Ok(())
    }

    async fn tables(&mut self, platform: &Platform) -> anyhow::Result<()> {
        let noted = fs::read_to_string(platform.folder().join(".local/ff.toml"))?;
        let noted: toml::Table = noted.parse()?;
        let text = |name: &str| noted["database"][name].as_str().unwrap_or_default().to_owned();
        let options = PgConnectOptions::new()
            .host(&text("host"))
            .port(platform.port("FF_STACK_POSTGRES_PORT"))
            .database(&text("name"))
            .username(&text("user"))
            .password(&text("password"));
        let pool = PgPool::connect_with(options).await?;
        let tables: Vec<(String, String)> = sqlx::query_as(
            "SELECT table_schema::text, table_name::text FROM information_schema.tables \
             WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')",
        )
        .fetch_all(&pool)
        .await?;
        for (schema, table) in tables {
            let query = format!("SELECT row::text FROM \"{schema}\".\"{table}\" AS row");
            let rows: Vec<String> = sqlx::query_scalar(&query).fetch_all(&pool).await?;
            let place = format!("postgres/{schema}.{table}");
            self.note(place.clone(), b"");
            for row in rows {
                self.note(place.clone(), row.as_bytes());
                self.note(place.clone(), &bytes_in(&row));
            }
        }
        pool.close().await;
        Ok(())
    }

    async fn events(&mut self, platform: &Platform) -> anyhow::Result<()> {
        let server = platform.clickhouse();
        let tables = "SELECT database, name FROM system.tables \
                      WHERE database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA') \
                      AND engine NOT LIKE '%View'";
        for row in server.rows(tables).await? {
            let [database, table] = row.as_slice() else { continue };
            let rows = server.rows(&format!("SELECT * FROM `{database}`.`{table}`")).await?;
            let place = format!("clickhouse/{database}.{table}");
            self.note(place.clone(), b"");
            for row in rows {
                self.note(place.clone(), row.join("\t").as_bytes());
            }
        }
        Ok(())
    }

    fn files(&mut self, folder: &Path, within: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let place = path.strip_prefix(within)?.display().to_string();
            if kind.is_dir() {
                if place != ".local/data/postgres" {
                    self.files(&path, within)?;
                }
            } else if kind.is_file() {
                // Files come and go while servers work.
                if let Ok(bytes) = fs::read(&path) {
                    self.note(format!("files/{place}"), &bytes);
                }
            }
        }
        Ok(())
    }
}

/// What the columns of bytes in a row hold, which Postgres shows as `\\x` and hexadecimal digits.
fn bytes_in(row: &str) -> Vec<u8> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::new();
    for part in row.split("\\x").skip(1) {
        let digits: Vec<u8> = part.as_bytes().iter().map_while(digit).collect();
        bytes.extend(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_bytes_is_read_as_what_it_holds() {
        assert_eq!(bytes_in(r#"(1,"\\x41646121","\\x2e","t\\y")"#), b"Ada!\n.\n");
    }

    #[test]
    fn a_text_is_found_in_any_case_and_only_where_it_is() {
        let mut traces = Traces::default();
        traces.note("nats/A".to_owned(), b"... Ada@Example.com ...");
        traces.note("postgres/b".to_owned(), b"bob");
        assert_eq!(traces.of_text("ada@example.COM", ""), ["nats/A"]);
        assert_eq!(traces.of_text("ada@example.com", "postgres/"), [""; 0]);
    }
}
