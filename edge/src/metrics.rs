//! What the edge counts. Everything on the path of a request is registered once and then a single addition.
//!
//! The recorder belongs to one edge and is not the process's: two edges in one process (as in tests) count apart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ff_front::REFUSED_CONNECTIONS;
use ff_limits::SharedRecorder;
use ff_security::Recorder;
use metrics::{Counter, Histogram, Label};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Bounds of request times, in seconds.
const SECONDS: [f64; 12] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Evaluate,
    EvaluateAll,
    EvaluationStream,
    Config,
    ConfigStream,
    Operations,
    Other,
}

impl Route {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Evaluate, "ofrep_evaluate"),
        (Self::EvaluateAll, "ofrep_evaluate_all"),
        (Self::EvaluationStream, "ofrep_stream"),
        (Self::Config, "config"),
        (Self::ConfigStream, "stream"),
        (Self::Operations, "operations"),
        (Self::Other, "other"),
    ];
}

/// Groups of statuses.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub(crate) struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    requests: Vec<[Counter; STATUSES.len()]>,
    seconds: Vec<Histogram>,
    pub(crate) refused_keys: Counter,
    pub(crate) hash_mismatches: Counter,
    pub(crate) reloads: Counter,
    pub(crate) disk_writes: Counter,
    pub(crate) disk_failures: Counter,
    pub(crate) disk_corrupt: Counter,
    pub(crate) cut_off: Counter,
    pub(crate) refused_connections: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).expect("there are buckets");
        let recorder = Arc::new(builder.build_recorder());
        metrics::with_local_recorder(&*recorder, || Self {
            handle: recorder.handle(),
            recorder: Arc::clone(&recorder),
            requests: Route::ALL
                .map(|(_, route)| {
                    STATUSES.map(|status| {
                        let labels = vec![Label::new("route", route), Label::new("status", status)];
                        metrics::counter!("ff_edge_requests_total", labels)
                    })
                })
                .into(),
            seconds: Route::ALL
                .map(|(_, route)| {
                    metrics::histogram!("ff_edge_request_seconds", vec![Label::new("route", route)])
                })
                .into(),
            refused_keys: metrics::counter!("ff_edge_refused_keys_total"),
            hash_mismatches: metrics::counter!("ff_edge_config_hash_mismatches_total"),
            reloads: metrics::counter!("ff_edge_config_reloads_total"),
            disk_writes: metrics::counter!("ff_edge_disk_writes_total"),
            disk_failures: metrics::counter!("ff_edge_disk_failures_total"),
            disk_corrupt: metrics::counter!("ff_edge_disk_corrupt_total"),
            cut_off: metrics::counter!("ff_edge_streams_cut_off_total"),
            refused_connections: metrics::counter!(REFUSED_CONNECTIONS),
        })
    }

    /// Where others may count, too.
    pub(crate) fn recorder(&self) -> SharedRecorder {
        Arc::<PrometheusRecorder>::clone(&self.recorder)
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, route: Route, status: u16, took: Duration) {
        let route = route as usize;
        let group = usize::from((status / 100).clamp(1, 5) - 1);
        self.requests[route][group].increment(1);
        self.seconds[route].record(took.as_secs_f64());
    }

    /// Notes the position that an environment is served at.
    pub(crate) fn applied(&self, environment: &str, position: &str) {
        // The upper 16 bits are the epoch of the log, and a float could not hold both.
        let sequence = position.parse::<u64>().map_or(0, |number| number & ((1 << 48) - 1));
        metrics::with_local_recorder(&*self.recorder, || {
            let labels = vec![Label::new("environment", environment.to_owned())];
            #[allow(clippy::cast_precision_loss, reason = "48 bits fit into a float")]
            metrics::gauge!("ff_edge_config_sequence", labels).set(sequence as f64);
        });
    }

    /// Notes whether config arrives from NATS.
    pub(crate) fn following(&self, following: bool) {
        metrics::with_local_recorder(&*self.recorder, || {
            metrics::gauge!("ff_edge_following").set(f64::from(u8::from(following)));
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
    fn routes_are_numbered_in_their_order() {
        for (number, (route, _)) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, number);
        }
    }

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.answered(Route::Evaluate, 200, Duration::from_micros(300));
        metrics.applied("env", &((1_u64 << 48) + 7).to_string());
        let text = metrics.render();
        let requests = r#"ff_edge_requests_total{route="ofrep_evaluate",status="2xx"} 1"#;
        assert!(text.contains(requests), "{text}");
        assert!(text.contains(r#"ff_edge_config_sequence{environment="env"} 7"#), "{text}");
    }
}
