//! What the writer counts.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const ROWS: &str = "ff_writer_rows_total";
const BATCH: &str = "ff_writer_batch_seconds";
const LAG: &str = "ff_writer_lag_messages";
const POSITION: &str = "ff_writer_position";
const AGE: &str = "ff_writer_newest_age_seconds";
const PARKED: &str = "ff_writer_parked_messages_total";
const LOST: &str = "ff_writer_lost_messages_total";
const EXPIRED: &str = "ff_writer_expired_rows_total";

/// Describes every metric.
pub(super) fn describe() {
    describe_counter!(ROWS, "Rows written to ClickHouse, by table");
    describe_histogram!(BATCH, Unit::Seconds, "Time to write a batch into all its tables");
    describe_gauge!(LAG, "Messages of FF_TELEMETRY that are not written yet");
    describe_gauge!(POSITION, "Position up to which everything is written");
    describe_gauge!(AGE, Unit::Seconds, "Age of the newest event when it was written");
    describe_counter!(PARKED, "Messages parked because they can never be written, by reason");
    describe_counter!(LOST, "Messages that left FF_TELEMETRY before they were written");
    describe_counter!(
        EXPIRED,
        "Rows left out because the tables would drop them at once for their age"
    );
}

pub(super) fn rows(table: &'static str, count: usize) {
    counter!(ROWS, "table" => table).increment(count as u64);
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
pub(super) fn written(position: u64, lag: u64, took: Duration, age: Duration, expired: usize) {
    histogram!(BATCH).record(took.as_secs_f64());
    gauge!(POSITION).set(position as f64);
    gauge!(LAG).set(lag as f64);
    gauge!(AGE).set(age.as_secs_f64());
    counter!(EXPIRED).increment(expired as u64);
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
pub(super) fn lag(lag: u64) {
    gauge!(LAG).set(lag as f64);
}

pub(super) fn parked(reason: &'static str) {
    counter!(PARKED, "reason" => reason).increment(1);
}

pub(super) fn lost(count: u64) {
    counter!(LOST).increment(count);
}
