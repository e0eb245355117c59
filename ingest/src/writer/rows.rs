//! The rows of the tables, as `migrations/clickhouse/` makes them. The client compares them with the tables' columns.

use std::collections::BTreeMap;

use clickhouse::Row;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::record::{Exposure, Metric, Sender};

/// How long the tables keep a row, in milliseconds. What is older when it comes is not worth a partition of its own,
/// and there could be one for every month since 1900.
const KEPT_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// A row of one of the tables.
pub(super) trait TableRow {
    /// The table.
    const TABLE: &'static str;
}

/// A row of `events_exposure`.
#[derive(Debug, Row, Serialize)]
pub(super) struct ExposureRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: String,
    flag: String,
    variation: String,
    rule: String,
    experiment: String,
    config: u64,
    #[serde(with = "clickhouse::serde::uuid")]
    instance: Uuid,
    attributes: BTreeMap<String, String>,
}

/// A row of `events_metric`.
#[derive(Debug, Row, Serialize)]
pub(super) struct MetricRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: String,
    metric: String,
    value: f64,
}

/// A row of `events_sender`.
#[derive(Debug, Row, Serialize)]
pub(super) struct SenderRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    instance: Uuid,
    experiment: String,
    received: i64,
    position: u64,
    sent: u64,
    accepted: u64,
}

/// A row of `telemetry_progress`.
#[derive(Debug, Row, Serialize)]
pub(super) struct ProgressRow {
    pub(super) position: u64,
    pub(super) at: i64,
    pub(super) written_at: i64,
}

impl TableRow for ExposureRow {
    const TABLE: &'static str = "events_exposure";
}

impl TableRow for MetricRow {
    const TABLE: &'static str = "events_metric";
}

impl TableRow for SenderRow {
    const TABLE: &'static str = "events_sender";
}

impl TableRow for ProgressRow {
    const TABLE: &'static str = "telemetry_progress";
}

impl ExposureRow {
    /// The row, unless it is too old to be kept.
    pub(super) fn new(position: u64, exposure: Exposure) -> Option<Self> {
        is_kept(exposure.at, exposure.received).then(|| Self {
            environment: exposure.environment,
            id: exposure.id,
            at: exposure.at.as_millisecond(),
            received: exposure.received.as_millisecond(),
            position,
            user_key: exposure.user_key,
            flag: exposure.flag,
            variation: exposure.variation,
            rule: exposure.rule.unwrap_or_default(),
            experiment: exposure.experiment.unwrap_or_default(),
            config: exposure.config,
            instance: exposure.instance.unwrap_or_default(),
            attributes: exposure.attributes,
        })
    }
}

impl MetricRow {
    /// The row, unless it is too old to be kept.
    pub(super) fn new(position: u64, metric: Metric) -> Option<Self> {
        is_kept(metric.at, metric.received).then(|| Self {
            environment: metric.environment,
            id: metric.id,
            at: metric.at.as_millisecond(),
            received: metric.received.as_millisecond(),
            position,
            user_key: metric.user_key,
            metric: metric.metric,
            value: metric.value,
        })
    }
}

impl SenderRow {
    pub(super) fn new(position: u64, sender: Sender) -> Self {
        Self {
            environment: sender.environment,
            instance: sender.instance,
            experiment: sender.experiment,
            received: sender.received.as_millisecond(),
            position,
            sent: sender.sent,
            accepted: sender.accepted,
        }
    }

    /// Adds another of the same sender in the same message, because the table keeps one row of them. Says whether it
    /// was of the same.
    pub(super) fn absorb(&mut self, other: &Sender) -> bool {
        let same = self.environment == other.environment
            && self.instance == other.instance
            && self.experiment == other.experiment;
        if same {
            self.received = self.received.max(other.received.as_millisecond());
            self.sent = self.sent.max(other.sent);
            self.accepted = self.accepted.saturating_add(other.accepted);
        }
        same
    }
}

/// Measured by the time it was taken, so that the same message gives the same rows whenever it is written.
fn is_kept(at: Timestamp, received: Timestamp) -> bool {
    received.as_millisecond() - at.as_millisecond() <= KEPT_MS
}
