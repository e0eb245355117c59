//! The stream as it must be, and the comparison with the stream as it is.
//!
//! A stream that forgets, deletes or acknowledges too early would break promises that the rest of
//! the platform rests on, so a difference is refused at start and never repaired silently.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};

use super::{LogOptions, STREAM_NAME, subject};
use crate::{ConfigDifference, LogError, Position};

const EPOCH: &str = "ff.epoch";
const IMPORT: &str = "ff.import";

/// The configuration of the stream in `epoch`.
pub(super) fn stream(options: &LogOptions, epoch: u16) -> Config {
    Config {
        name: STREAM_NAME.to_owned(),
        subjects: vec![subject::ALL.to_owned()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_age: Duration::ZERO,
        num_replicas: options.replicas,
        allow_direct: true,
        allow_atomic_publish: true,
        deny_delete: true,
        deny_purge: true,
        metadata: HashMap::from([(EPOCH.to_owned(), epoch.to_string())]),
        ..Config::default()
    }
}

/// The same stream while an import fills it: no one else may open it.
pub(super) fn while_importing(mut config: Config) -> Config {
    config.metadata.insert(IMPORT.to_owned(), "unfinished".to_owned());
    config
}

/// The epoch that the stream's metadata names.
pub(super) fn epoch(config: &Config) -> Option<u16> {
    config.metadata.get(EPOCH)?.parse().ok().filter(|epoch| *epoch <= Position::MAX_EPOCH)
}

/// Checks that `found` is as `wanted`, and tells the epoch of the log.
pub(super) fn check(wanted: &Config, found: &Config) -> Result<u16, LogError> {
    let mut differences = differences(wanted, found);
    let epoch = epoch(found);
    if epoch.is_none() {
        differences.push(ConfigDifference {
            setting: "metadata ff.epoch",
            expected: "a number".to_owned(),
            found: format!("{:?}", found.metadata.get(EPOCH)),
        });
    }
    match epoch {
        Some(epoch) if differences.is_empty() => Ok(epoch),
        _ => Err(LogError::ConfigDiffers { stream: wanted.name.clone(), differences }),
    }
}

fn differences(wanted: &Config, found: &Config) -> Vec<ConfigDifference> {
    fn compare<T: PartialEq + Debug>(
        into: &mut Vec<ConfigDifference>,
        setting: &'static str,
        wanted: &T,
        found: &T,
    ) {
        if wanted != found {
            let (expected, found) = (format!("{wanted:?}"), format!("{found:?}"));
            into.push(ConfigDifference { setting, expected, found });
        }
    }
    let mut list = Vec::new();
    let into = &mut list;
    compare(into, "subjects", &wanted.subjects, &found.subjects);
    compare(into, "storage", &wanted.storage, &found.storage);
    compare(into, "retention", &wanted.retention, &found.retention);
    compare(into, "discard", &wanted.discard, &found.discard);
    compare(into, "max_msgs", &unlimited(wanted.max_messages), &unlimited(found.max_messages));
    compare(
        into,
        "max_msgs_per_subject",
        &unlimited(wanted.max_messages_per_subject),
        &unlimited(found.max_messages_per_subject),
    );
    compare(into, "max_bytes", &unlimited(wanted.max_bytes), &unlimited(found.max_bytes));
    compare(
        into,
        "max_msg_size",
        &unlimited(wanted.max_message_size.into()),
        &unlimited(found.max_message_size.into()),
    );
    compare(into, "max_age", &wanted.max_age, &found.max_age);
    compare(into, "num_replicas", &wanted.num_replicas, &found.num_replicas);
    compare(into, "allow_direct", &wanted.allow_direct, &found.allow_direct);
    compare(into, "allow_atomic", &wanted.allow_atomic_publish, &found.allow_atomic_publish);
    compare(into, "deny_delete", &wanted.deny_delete, &found.deny_delete);
    compare(into, "deny_purge", &wanted.deny_purge, &found.deny_purge);
    compare(into, "allow_rollup_hdrs", &wanted.allow_rollup, &found.allow_rollup);
    compare(into, "allow_msg_ttl", &wanted.allow_message_ttl, &found.allow_message_ttl);
    compare(into, "no_ack", &wanted.no_ack, &found.no_ack);
    compare(into, "sealed", &wanted.sealed, &found.sealed);
    compare(into, "mirror", &wanted.mirror.is_some(), &found.mirror.is_some());
    compare(into, "sources", &sources(wanted), &sources(found));
    compare(into, "subject_transform", &wanted.subject_transform, &found.subject_transform);
    // The server may write the default down; only the early acknowledgement is wrong.
    let early = |config: &Config| config.persist_mode == Some(PersistenceMode::Async);
    compare(into, "persist_mode async", &early(wanted), &early(found));
    compare(into, "metadata ff.import", &wanted.metadata.get(IMPORT), &found.metadata.get(IMPORT));
    list
}

/// 0 and -1 both mean without a limit.
fn unlimited(limit: i64) -> Option<i64> {
    (limit > 0).then_some(limit)
}

fn sources(config: &Config) -> usize {
    config.sources.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_listed() {
        let wanted = stream(&LogOptions::url("nats://unused"), 1);
        assert_eq!(check(&wanted, &wanted).unwrap(), 1);
        let mut found = while_importing(wanted.clone());
        found.deny_delete = false;
        found.max_age = Duration::from_secs(3600);
        found.persist_mode = Some(PersistenceMode::Async);
        found.metadata.remove(EPOCH);
        let Err(LogError::ConfigDiffers { differences, .. }) = check(&wanted, &found) else {
            panic!("must be refused");
        };
        let settings: Vec<_> = differences.iter().map(|each| each.setting).collect();
        assert_eq!(
            settings,
            [
                "max_age",
                "deny_delete",
                "persist_mode async",
                "metadata ff.import",
                "metadata ff.epoch"
            ]
        );
    }

    #[test]
    fn another_epoch_is_no_difference() {
        let options = LogOptions::url("nats://unused");
        assert_eq!(check(&stream(&options, 1), &stream(&options, 7)).unwrap(), 7);
    }
}
