//! Drives an edge with wrk.

fn main() {}
