//! What is kept of an event: a line of a message in FF_TELEMETRY, and the row it becomes in ClickHouse.
//!
//! A message holds many records, one JSON object a line, from many requests and environments. Its sequence in the
//! stream is the *telemetry position* of every record in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The stream of telemetry.
pub const STREAM: &str = "FF_TELEMETRY";
/// Where messages of records are published.
pub const SUBJECT: &str = "ff.tel.records";
/// The stream of messages that could not be written, with their errors.
pub const PARKED_STREAM: &str = "FF_TELEMETRY_PARKED";
/// Where those are published.
pub const PARKED_SUBJECT: &str = "ff.telparked.records";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// Someone was served a variation.
    Exposure(Exposure),
    /// Someone did something that is measured.
    Metric(Metric),
    /// How many exposures a sender has made and how many of them were taken.
    Sender(Sender),
}

/// Someone was served a variation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// The environment's id.
    pub environment: Uuid,
    /// The event's own id.
    pub id: Uuid,
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// When it was taken, by ours.
    pub received: Timestamp,
    /// Who.
    pub user_key: String,
    /// Key of the flag.
    pub flag: String,
    /// Key of the variation.
    pub variation: String,
    /// Id of the rule that decided; of an experiment's iteration it is `<experiment>:<iteration>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Key of the experiment that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Position of the config it was evaluated with; 0 if the sender did not say.
    #[serde(default)]
    pub config: u64,
    /// The sender, if it counts what it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Uuid>,
    /// What was known of the user. Texts as they are, everything else as JSON; private ones hashed already.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Someone did something that is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The environment's id.
    pub environment: Uuid,
    /// The event's own id.
    pub id: Uuid,
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// When it was taken, by ours.
    pub received: Timestamp,
    /// Who.
    pub user_key: String,
    /// The name of what happened; metrics are defined over such names.
    pub metric: String,
    /// How much; 1 if the sender did not say. Between -1e12 and 1e12.
    pub value: f64,
}

/// How many exposures a sender has made, and how many of them this batch brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// The environment's id.
    pub environment: Uuid,
    /// The sender: a process of an application, made up when it starts.
    pub instance: Uuid,
    /// When it was taken.
    pub received: Timestamp,
    /// Key of the experiment.
    pub experiment: String,
    /// Exposures the sender has made since it started, this batch included.
    pub sent: u64,
    /// Those of this batch that were taken.
    pub accepted: u64,
}
