//! What is counted: refusals, and whether Redis answers.

use std::fmt;
use std::sync::Arc;

use metrics::{Gauge, Recorder, with_local_recorder};

/// A recorder of metrics that is not the process's own.
pub type SharedRecorder = Arc<dyn Recorder + Send + Sync>;

/// Where metrics go: a service's own recorder, or the process's.
#[derive(Clone, Default)]
pub(crate) struct Measure(Option<SharedRecorder>);

impl Measure {
    pub(crate) fn to(recorder: Option<SharedRecorder>) -> Self {
        Self(recorder)
    }

    pub(crate) fn redis_up(&self) -> Gauge {
        self.with(|| metrics::gauge!("ff_limits_redis_up"))
    }

    pub(crate) fn refused(&self, limit: &'static str) {
        self.with(|| metrics::counter!("ff_limits_refused_total", "limit" => limit).increment(1));
    }

    fn with<T>(&self, register: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(recorder) => with_local_recorder(&**recorder, register),
            None => register(),
        }
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "a service's recorder"
        } else {
            "the process's recorder"
        })
    }
}
