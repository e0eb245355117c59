//! What ingest counts. Everything on the path of a request is registered once and then a single addition.
//!
//! The recorder belongs to one ingest and is not the process's: two in one process (as in tests) count apart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ff_front::REFUSED_CONNECTIONS;
use ff_security::Recorder;
use metrics::{Counter, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// Bounds of times, in seconds.
const SECONDS: [f64; 13] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Bounds of events in a message.
const EVENTS: [f64; 9] = [1.0, 5.0, 10.0, 50.0, 100.0, 250.0, 500.0, 999.0, 1000.0];

pub(crate) struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    request_seconds: Histogram,
    pub(crate) exposures: Counter,
    pub(crate) metric_events: Counter,
    pub(crate) repeats: Counter,
    pub(crate) unknown_names: Counter,
    pub(crate) message_events: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) commit_failures: Counter,
    pub(crate) refused_connections: Counter,
    pub(crate) in_flight_bytes: Gauge,
    pub(crate) following: Gauge,
    pub(crate) storing: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let events = Matcher::Full("ff_ingest_message_events".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets(&SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(events, &EVENTS))
            .expect("there are buckets")
            .build_recorder();
        let recorder = Arc::new(recorder);
        let taken =
            |kind| metrics::counter!("ff_ingest_events_total", vec![Label::new("type", kind)]);
        metrics::with_local_recorder(&*recorder, || Self {
            handle: recorder.handle(),
            recorder: Arc::clone(&recorder),
            request_seconds: metrics::histogram!("ff_ingest_request_seconds"),
            exposures: taken("exposure"),
            metric_events: taken("metric"),
            repeats: metrics::counter!("ff_ingest_repeats_total"),
            unknown_names: metrics::counter!("ff_ingest_unknown_names_total"),
            message_events: metrics::histogram!("ff_ingest_message_events"),
            commit_seconds: metrics::histogram!("ff_ingest_commit_seconds"),
            commit_failures: metrics::counter!("ff_ingest_commit_failures_total"),
            refused_connections: metrics::counter!(REFUSED_CONNECTIONS),
            in_flight_bytes: metrics::gauge!("ff_ingest_in_flight_bytes"),
            following: metrics::gauge!("ff_ingest_following"),
            storing: metrics::gauge!("ff_ingest_storing"),
        })
    }

    /// Where others may count, too.
    pub(crate) fn recorder(&self) -> ff_limits::SharedRecorder {
        Arc::<PrometheusRecorder>::clone(&self.recorder)
    }

    /// Counts an answered request. `code` is what was wrong with it, or empty.
    pub(crate) fn answered(&self, status: u16, code: &'static str, took: Duration) {
        self.request_seconds.record(took.as_secs_f64());
        metrics::with_local_recorder(&*self.recorder, || {
            let labels = vec![Label::new("status", status.to_string()), Label::new("code", code)];
            metrics::counter!("ff_ingest_requests_total", labels).increment(1);
        });
    }

    /// Counts a refused event.
    pub(crate) fn rejected(&self, code: &'static str) {
        metrics::with_local_recorder(&*self.recorder, || {
            let labels = vec![Label::new("code", code)];
            metrics::counter!("ff_ingest_rejected_events_total", labels).increment(1);
        });
    }

    /// Everything, in Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded times into their buckets; without it they would pile up between two scrapes.
    pub(crate) fn fold(&self, recorder: &Recorder) {
        metrics::with_local_recorder(&*self.recorder, || recorder.measure());
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.answered(429, "FF-4106", Duration::from_millis(3));
        metrics.exposures.increment(7);
        metrics.message_events.record(7.0);
        let text = metrics.render();
        for line in [
            r#"ff_ingest_requests_total{status="429",code="FF-4106"} 1"#,
            r#"ff_ingest_events_total{type="exposure"} 7"#,
            r#"ff_ingest_message_events_bucket{le="10"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is in {text}");
        }
    }
}
