//! What the domain refuses, as callers see it.

use axum::http::StatusCode;
use ff_domain::{
    ApiKeyError, EnvironmentError, ExperimentError, FlagError, LayerError, MembershipError,
    MetricError, OrganizationError, ProjectError, SegmentError, ServiceAccountError,
};

use super::Problem;

/// An error of the domain that can be told to who caused it.
pub(crate) trait Refusal: std::error::Error {
    /// The problem it is for a caller.
    fn into_problem(self) -> Problem;
}

macro_rules! refusals {
    ($($error:ident: missing($missing:pat), wrong($wrong:pat);)+) => {$(
        impl Refusal for $error {
            #[allow(unreachable_patterns, reason = "not every error has something of every kind")]
            fn into_problem(self) -> Problem {
                let (code, detail) = (self.code(), self.to_string());
                match self {
                    Self::Invalid(problems) => invalid(code, problems),
                    $missing => Problem::new(StatusCode::NOT_FOUND, code, detail),
                    $wrong => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail),
                    _ => Problem::new(StatusCode::CONFLICT, code, detail),
                }
            }
        }
    )+};
}

refusals! {
    OrganizationError: missing(Self::NotFound | Self::RoleNotFound(_)), wrong(Self::NotFound);
    MembershipError: missing(Self::NotFound), wrong(Self::NotFound);
    ServiceAccountError: missing(Self::NotFound), wrong(Self::NotFound);
    ProjectError: missing(Self::NotFound), wrong(Self::Cycle(_) | Self::Retired(_));
    EnvironmentError: missing(Self::NotFound), wrong(Self::NotFound);
    FlagError:
        missing(Self::NotFound | Self::UnknownEnvironment(_) | Self::UnknownVariation { .. }),
        wrong(Self::NotFound);
    SegmentError: missing(Self::NotFound), wrong(Self::NotFound);
    ExperimentError: missing(Self::NotFound), wrong(Self::NotFound);
    MetricError: missing(Self::NotFound), wrong(Self::NotFound);
    LayerError: missing(Self::NotFound), wrong(Self::NotFound);
    ApiKeyError: missing(Self::NotFound), wrong(Self::NotFound);
}

fn invalid(code: &'static str, problems: Vec<ff_domain::Problem>) -> Problem {
    let detail = "the input is not valid, see `errors`";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).with_errors(problems)
}
