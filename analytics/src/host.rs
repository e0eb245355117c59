//! What the analysis needs of the platform around it. The binary implements it over the read models and the log, so
//! that nothing here knows of either.

use std::future::Future;

use axum::http::HeaderMap;
use axum::response::Response;

use crate::plan::ExperimentPlan;
use crate::report::Breach;

/// The platform around the analysis. Keys are as in a path, nobody has checked them.
pub trait Host: Send + Sync + 'static {
    /// Lets whoever sent these headers read the experiments of a project, or says no with a whole response.
    fn admit(
        &self,
        headers: &HeaderMap,
        organization: &str,
        project: &str,
    ) -> impl Future<Output = Result<(), Response>> + Send;

    /// Waits until the definitions are as new as a position of the log that the caller knows of.
    fn wait_for(&self, position: u64) -> impl Future<Output = Result<(), HostError>> + Send;

    /// An experiment now, or as of a position of the log. None if there is none.
    fn experiment(
        &self,
        organization: &str,
        project: &str,
        experiment: &str,
        position: Option<u64>,
    ) -> impl Future<Output = Result<Option<ExperimentPlan>, HostError>> + Send;

    /// Every experiment whose figures may still change: those that run or are paused, and those that ended, as long as
    /// events may still count for them.
    fn active(&self) -> impl Future<Output = Result<Vec<ExperimentPlan>, HostError>> + Send;

    /// A guardrail has been crossed. Called again as long as it is, so it must act once.
    fn breached(
        &self,
        plan: &ExperimentPlan,
        breach: &Breach,
    ) -> impl Future<Output = Result<(), HostError>> + Send;
}

/// The platform could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// What knows the answer cannot be reached at the moment.
    #[error("the read models cannot be reached at the moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The definitions have not come as far as the caller has.
    #[error("the read models have not come to position {0} yet, try again")]
    Behind(u64),
    /// The position is none that is known.
    #[error("nothing is known of position {0}: it has not happened yet, or is not kept")]
    UnknownPosition(u64),
}
