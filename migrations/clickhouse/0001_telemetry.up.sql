-- What the telemetry writer stores. One statement a request; every statement may run twice.
--
-- An event may be stored more than once: when the writer repeats a batch after a crash, and when a sender repeats an
-- event. The sorting key makes copies one row when parts are merged; until then, reading uses FINAL or groups by id.
-- Of the copies the one with the lowest position stays (ReplacingMergeTree keeps the largest `precedence`), so that
-- what could be read up to a position yesterday can be read up to that position tomorrow.
--
-- Parts are synced to disk before an insert is answered. The window of insert tokens makes an insert that is repeated
-- at once harmless; the sorting key does the same for all others. The index on positions lets a reader that wants
-- what is new skip every part that is old.

CREATE TABLE IF NOT EXISTS events_exposure (
    environment UUID,
    id UUID,
    at DateTime64(3, 'UTC'),
    received DateTime64(3, 'UTC'),
    position UInt64,
    user_key String,
    flag LowCardinality(String),
    variation LowCardinality(String),
    rule LowCardinality(String),
    experiment LowCardinality(String),
    config UInt64,
    instance UUID,
    attributes Map(LowCardinality(String), String),
    precedence UInt64 MATERIALIZED bitNot(position),
    INDEX positions position TYPE minmax GRANULARITY 16
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(at)
ORDER BY (environment, experiment, id)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS events_metric (
    environment UUID,
    id UUID,
    at DateTime64(3, 'UTC'),
    received DateTime64(3, 'UTC'),
    position UInt64,
    user_key String,
    metric LowCardinality(String),
    value Float64,
    precedence UInt64 MATERIALIZED bitNot(position),
    INDEX positions position TYPE minmax GRANULARITY 16
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(at)
ORDER BY (environment, metric, id)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    ttl_only_drop_parts = 1;

-- One row per message, sender and experiment: what the sender says it has made so far, and how many of this message
-- were taken.
CREATE TABLE IF NOT EXISTS events_sender (
    environment UUID,
    instance UUID,
    experiment LowCardinality(String),
    received DateTime64(3, 'UTC'),
    position UInt64,
    sent UInt64,
    accepted UInt64,
    INDEX positions position TYPE minmax GRANULARITY 16
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (environment, experiment, instance, position)
TTL toDateTime(received) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000,
    ttl_only_drop_parts = 1;

-- max(position): everything up to there is in the tables above. One row after each batch; merges keep the newest of
-- each minute, so that asking for the maximum stays cheap.
CREATE TABLE IF NOT EXISTS telemetry_progress (
    position UInt64,
    at DateTime64(3, 'UTC'),
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(written_at)
ORDER BY toStartOfMinute(written_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
