DROP TABLE IF EXISTS telemetry_progress;
DROP TABLE IF EXISTS events_sender;
DROP TABLE IF EXISTS events_metric;
DROP TABLE IF EXISTS events_exposure;
