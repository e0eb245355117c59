//! What an experiment proves so far, or proved at some past moment.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::problem::{Problem, code};
use super::{App, admit, number, soon};
use crate::host::Host;
use crate::plan::ExperimentPlan;
use crate::report;

/// As of when.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moment {
    /// Position of the log the definitions are taken at; now if absent.
    #[serde(default)]
    position: Option<String>,
    /// Position of the telemetry the events are counted up to; the newest if absent.
    #[serde(default)]
    telemetry_position: Option<String>,
    /// The iteration; the newest if absent.
    #[serde(default)]
    iteration: Option<String>,
}

pub(crate) async fn results<H: Host>(
    State(app): State<App<H>>,
    headers: HeaderMap,
    Path((org, project, experiment)): Path<(String, String, String)>,
    moment: Result<Query<Moment>, QueryRejection>,
) -> Result<Response, Response> {
    admit(&app, &headers, &org, &project).await?;
    answer(&app, &org, &project, &experiment, moment).await.map_err(IntoResponse::into_response)
}

async fn answer<H: Host>(
    app: &App<H>,
    org: &str,
    project: &str,
    experiment: &str,
    moment: Result<Query<Moment>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(moment) = moment.map_err(|rejection| {
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, rejection.body_text())
            .at("?", "give `position`, `telemetry_position` or `iteration`, or none")
    })?;
    let position = number("position", moment.position.as_deref())?;
    let telemetry = number("telemetry_position", moment.telemetry_position.as_deref())?;
    let iteration = number("iteration", moment.iteration.as_deref())?;
    let plan = app.host.experiment(org, project, experiment, position).await?;
    let mut plan = plan.ok_or_else(|| Problem::not_found("experiment"))?;
    select(&mut plan, iteration)?;
    let figures = if plan.iterations.is_empty() {
        None
    } else {
        // Past definitions are rarely those that the snapshots were made with.
        let kept = match (position, telemetry) {
            (None, None) => soon(app.store.latest(&plan)).await?,
            _ => None,
        };
        match kept {
            Some(figures) => Some(figures),
            None => {
                let _turn = app.turn()?;
                let newest = soon(app.store.written()).await?.position;
                let position = match telemetry {
                    Some(asked) if asked > newest => {
                        let detail = format!("telemetry is written up to position {newest}");
                        return Err(Problem::new(
                            StatusCode::NOT_FOUND,
                            code::UNKNOWN_POSITION,
                            &detail,
                        )
                        .at("?telemetry_position", detail));
                    }
                    Some(asked) => asked,
                    None => newest,
                };
                Some(app.store.as_of(&plan, position).await?)
            }
        }
    };
    let results = tokio::task::spawn_blocking(move || report::results(&plan, figures.as_ref()))
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(results)).into_response())
}

/// Leaves only the iterations up to the one that was asked for.
fn select(plan: &mut ExperimentPlan, iteration: Option<u64>) -> Result<(), Problem> {
    let Some(number) = iteration else { return Ok(()) };
    let place = plan.iterations.iter().position(|each| u64::from(each.number) == number);
    let Some(place) = place else {
        let detail = match plan.iterations.last() {
            Some(last) => format!("the experiment has iterations 1 to {}", last.number),
            None => "the experiment was not started yet".to_owned(),
        };
        return Err(Problem::new(StatusCode::NOT_FOUND, code::UNKNOWN_ITERATION, &detail)
            .at("?iteration", detail));
    };
    plan.iterations.truncate(place + 1);
    Ok(())
}
