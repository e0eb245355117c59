//! A ClickHouse-compatible HTTP server over chDB.

fn main() {}
