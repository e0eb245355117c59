//! Commands from end to end: on the log in memory, and on a real nats-server.

mod fixture;

mod faults;
mod life;
mod outage;
mod races;
mod repetition;
mod rights;
mod staleness;
