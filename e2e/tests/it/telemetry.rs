//! Telemetry that loses nothing and counts nothing twice, whatever breaks.

mod load;
mod outages;
mod repeats;
