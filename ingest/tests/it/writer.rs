//! The writer against a real NATS and a real ClickHouse engine: what is in the stream is what is in the tables.

mod columns;
mod faults;
mod poison;
mod records;
mod schema;
mod speed;
mod world;
