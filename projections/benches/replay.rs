//! Replays a synthetic log into every Postgres projection.

fn main() {}
