//! Messages that are written together, decoded.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;

use super::park::{Parked, Reason};
use super::rows::{ExposureRow, MetricRow, SenderRow};
use super::source::Read;
use crate::record::{Exposure, Metric, Record};

/// Messages that follow each other in the stream, and their rows.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// When the stream was made, in nanoseconds: positions of another stream are other positions.
    pub(super) stream: i128,
    pub(super) messages: Vec<Message>,
    pub(super) exposures: Vec<ExposureRow>,
    pub(super) metrics: Vec<MetricRow>,
    pub(super) senders: Vec<SenderRow>,
    /// Lines that are no record this program knows.
    pub(super) undecodable: Vec<Parked>,
    /// When the newest record was taken.
    pub(super) newest: Option<Timestamp>,
    /// Rows that were left out for their age.
    pub(super) expired: usize,
    /// Bytes of the messages.
    pub(super) bytes: usize,
}

/// A message and which rows of the batch are its own.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) sequence: u64,
    /// As it came, to be parked if need be.
    pub(super) payload: Bytes,
    pub(super) exposures: Range<usize>,
    pub(super) metrics: Range<usize>,
    pub(super) senders: Range<usize>,
}

impl Batch {
    pub(super) fn rows(&self) -> usize {
        self.exposures.len() + self.metrics.len() + self.senders.len()
    }

    /// Decodes the next message and adds its rows.
    pub(super) fn push(&mut self, read: Read) {
        let Read { sequence, payload, stream } = read;
        self.stream = stream;
        let before = (self.exposures.len(), self.metrics.len(), self.senders.len());
        let mut bad = Vec::new();
        let mut error = None;
        for line in payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match decode(line) {
                Ok(record) => self.add(sequence, record, before.2),
                Err(source) => {
                    bad.extend_from_slice(line);
                    bad.push(b'\n');
                    error.get_or_insert(source);
                }
            }
        }
        if let Some(source) = error {
            bad.pop();
            self.undecodable.push(Parked {
                sequence,
                payload: bad.into(),
                reason: Reason::Undecodable,
                error: source.to_string(),
            });
        }
        self.bytes += payload.len();
        self.messages.push(Message {
            sequence,
            payload,
            exposures: before.0..self.exposures.len(),
            metrics: before.1..self.metrics.len(),
            senders: before.2..self.senders.len(),
        });
    }

    fn add(&mut self, sequence: u64, record: Record, first_sender: usize) {
        let received = match &record {
            Record::Exposure(exposure) => exposure.received,
            Record::Metric(metric) => metric.received,
            Record::Sender(sender) => sender.received,
        };
        self.newest = self.newest.max(Some(received));
        match record {
            Record::Exposure(exposure) => match ExposureRow::new(sequence, exposure) {
                Some(row) => self.exposures.push(row),
                None => self.expired += 1,
            },
            Record::Metric(metric) => match MetricRow::new(sequence, metric) {
                Some(row) => self.metrics.push(row),
                None => self.expired += 1,
            },
            Record::Sender(sender) => {
                let of_this_message = &mut self.senders[first_sender..];
                if !of_this_message.iter_mut().any(|row| row.absorb(&sender)) {
                    self.senders.push(SenderRow::new(sequence, sender));
                }
            }
        }
    }
}

/// Reads a line. That records begin with their type saves most of the work: an enum that is told apart by a field
/// inside it can only be read by way of a tree.
fn decode(line: &[u8]) -> Result<Record, serde_json::Error> {
    if line.starts_with(br#"{"type":"exposure","#) {
        serde_json::from_slice::<Exposure>(line).map(Record::Exposure)
    } else if line.starts_with(br#"{"type":"metric","#) {
        serde_json::from_slice::<Metric>(line).map(Record::Metric)
    } else {
        serde_json::from_slice(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sender;
    use uuid::Uuid;

    fn line(record: &Record) -> String {
        serde_json::to_string(record).unwrap()
    }

    fn metric(at: &str) -> Record {
        Record::Metric(Metric {
            environment: Uuid::from_u128(1),
            id: Uuid::from_u128(2),
            at: at.parse().unwrap(),
            received: "2026-03-01T00:00:00Z".parse().unwrap(),
            user_key: "u\n\"".to_owned(),
            metric: "m".to_owned(),
            value: 0.1,
        })
    }

    fn sender(sent: u64, accepted: u64, instance: u128) -> Record {
        Record::Sender(Sender {
            environment: Uuid::from_u128(1),
            instance: Uuid::from_u128(instance),
            received: "2026-03-01T00:00:00Z".parse().unwrap(),
            experiment: "e".to_owned(),
            sent,
            accepted,
        })
    }

    fn batch(messages: &[String]) -> Batch {
        let mut batch = Batch::default();
        for (payload, sequence) in messages.iter().zip(1..) {
            batch.push(Read { sequence, payload: payload.clone().into(), stream: 0 });
        }
        batch
    }

    #[test]
    fn both_ways_to_read_a_line_agree() {
        for record in [metric("2026-02-28T00:00:00Z"), sender(1, 1, 1)] {
            let line = line(&record);
            assert_eq!(decode(line.as_bytes()).unwrap(), record);
            assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        }
        assert!(decode(br#"{"type":"metric","value":1}"#).is_err());
        assert!(decode(br#"{"type":"of_tomorrow"}"#).is_err());
    }

    #[test]
    fn only_the_bad_lines_of_a_message_are_parked() {
        let good = line(&metric("2026-02-28T00:00:00Z"));
        let batch = batch(&[format!("x\n{good}\n\n{{}}"), good]);
        assert_eq!((batch.messages.len(), batch.metrics.len()), (2, 2));
        assert_eq!(batch.undecodable.len(), 1);
        assert_eq!(
            (batch.undecodable[0].sequence, &*batch.undecodable[0].payload),
            (1, &b"x\n{}"[..])
        );
        assert_eq!(batch.messages[1].metrics, 1..2);
    }

    #[test]
    fn a_sender_has_one_row_in_each_message() {
        let lines =
            [sender(5, 2, 1), sender(9, 4, 2), sender(7, 2, 1)].map(|each| line(&each)).join("\n");
        let batch = batch(&[lines, line(&sender(8, 1, 1))]);
        let rows = format!("{:?}", batch.senders);
        assert_eq!(batch.senders.len(), 3, "{rows}");
        assert!(
            rows.contains("sent: 7, accepted: 4") && rows.contains("sent: 8, accepted: 1"),
            "{rows}"
        );
    }

    #[test]
    fn what_the_tables_would_drop_is_left_out() {
        let batch = batch(&[line(&metric("1999-12-31T00:00:00Z"))]);
        assert_eq!((batch.rows(), batch.expired, batch.messages.len()), (0, 1, 1));
    }
}
