//! The one binary: every service and tool of the platform.

fn main() {}
