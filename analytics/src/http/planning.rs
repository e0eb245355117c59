//! How long an experiment must run, from the history of its own metrics.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::problem::{Problem, code};
use super::{App, admit, number};
use crate::figures::ArmFigures;
use crate::host::Host;
use crate::plan::{ExperimentPlan, Method, Metric, MetricKind, Role};
use crate::planning::{self, Baseline, Invalid, PowerInput, PowerOutput};
use crate::report::Answer;
use crate::stats::{NoAnswer, ratio};
use crate::store::History;

/// How many days of history are read unless asked otherwise.
const DAYS: u64 = 14;
/// The most.
const DAYS_MAX: u64 = 90;

/// What the history is taken from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    /// How many days.
    #[serde(default)]
    days: Option<String>,
}

/// What each primary metric needs of an experiment.
#[derive(Debug, Serialize)]
pub(crate) struct Forecast {
    /// Key of the experiment.
    experiment: String,
    /// Position of the log its definition is of.
    log_position: String,
    /// The primary metrics, in the order of the design.
    metrics: Vec<OfMetric>,
}

/// What one metric needs.
#[derive(Debug, Serialize)]
struct OfMetric {
    /// Key of the metric.
    metric: String,
    /// The version of its definition.
    version: u32,
    /// What it was lately.
    history: Past,
    /// What was computed with: send it to `POST /v1/power`, changed as you like.
    input: Answer<PowerInput>,
    /// How long it takes.
    plan: Planned,
}

/// How long it takes, or why that cannot be said.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Planned {
    /// It can.
    Answered(Answer<PowerOutput>),
    /// The history is none to plan with.
    Impossible {
        /// Always `no_plan`.
        outcome: &'static str,
        /// What of the input is wrong.
        errors: Vec<Invalid>,
    },
}

/// From when to when, and how many users.
#[derive(Debug, Serialize)]
struct Past {
    from: jiff::Timestamp,
    until: jiff::Timestamp,
    users: u64,
    users_per_day: f64,
}

pub(crate) async fn of_experiment<H: Host>(
    State(app): State<App<H>>,
    headers: HeaderMap,
    Path((org, project, experiment)): Path<(String, String, String)>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Response, Response> {
    admit(&app, &headers, &org, &project).await?;
    let forecast = forecast(&app, &org, &project, &experiment, span).await;
    forecast.map(|forecast| Json(forecast).into_response()).map_err(Problem::into_response)
}

async fn forecast<H: Host>(
    app: &App<H>,
    org: &str,
    project: &str,
    experiment: &str,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Forecast, Problem> {
    let Query(span) = span.map_err(|rejection| {
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, rejection.body_text())
            .at("?", "give `days`, or nothing")
    })?;
    let days = number("days", span.days.as_deref())?.unwrap_or(DAYS);
    let days = u32::try_from(days).ok().filter(|days| (1..=DAYS_MAX).contains(&u64::from(*days)));
    let days = days.ok_or_else(|| {
        let detail = format!("`days` is between 1 and {DAYS_MAX}");
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, &detail).at("?days", detail)
    })?;
    let plan = app.host.experiment(org, project, experiment, None).await?;
    let plan = plan.ok_or_else(|| Problem::not_found("experiment"))?;
    let _turn = app.turn()?;
    let mut metrics = Vec::new();
    for used in plan.metrics.iter().filter(|used| used.role == Role::Primary) {
        let history = app.store.history(plan.environment, &used.metric, days).await?;
        metrics.push(of_metric(&plan, &used.metric, &history));
    }
    Ok(Forecast { experiment: plan.key, log_position: plan.position, metrics })
}

fn of_metric(experiment: &ExperimentPlan, metric: &Metric, history: &History) -> OfMetric {
    let input = input(experiment, metric, history);
    let plan = match input.clone().map(|input| planning::power(&input)) {
        Err(no_answer) => Planned::Answered(Err(no_answer).into()),
        Ok(Ok(output)) => Planned::Answered(Ok::<_, NoAnswer>(output).into()),
        Ok(Err(errors)) => Planned::Impossible { outcome: "no_plan", errors },
    };
    OfMetric {
        metric: metric.key.clone(),
        version: metric.version,
        history: Past {
            from: history.from,
            until: history.until,
            users: history.users,
            users_per_day: history.users_per_day,
        },
        input: input.into(),
        plan,
    }
}

/// The question that the design of the experiment asks of the metric's history.
fn input(
    plan: &ExperimentPlan,
    metric: &Metric,
    history: &History,
) -> Result<PowerInput, NoAnswer> {
    let (baseline, correlation) = baseline(metric, &history.figures)?;
    let treatments = plan.arms.len().saturating_sub(1);
    let primary = plan.metrics.iter().filter(|used| used.role == Role::Primary).count();
    let analysis = &plan.analysis;
    let users_per_day = history.users_per_day * plan.traffic;
    Ok(PowerInput {
        metric: baseline,
        users_per_day,
        covariate_correlation: if metric.covariate_days == 0 { 0.0 } else { correlation },
        minimum_effect: analysis.minimum_effect,
        alpha: analysis.alpha,
        power: analysis.power,
        weights: plan.arms.iter().map(|arm| f64::from(arm.weight)).collect(),
        comparisons: u32::try_from(treatments * primary).ok().filter(|count| *count > 0),
        method: analysis.method,
        looks: looks(plan, users_per_day),
    })
}

/// How many planned looks come before the planned users are there; two weeks of them if no users are planned.
fn looks(plan: &ExperimentPlan, users_per_day: f64) -> u16 {
    if plan.analysis.method == Method::Fixed {
        return 1;
    }
    #[allow(clippy::cast_precision_loss, reason = "nobody plans 2^53 users")]
    let days = match plan.analysis.planned_users {
        Some(users) if users_per_day > 0.0 => users as f64 / users_per_day,
        _ => 14.0,
    };
    let looks = (days * 24.0 / f64::from(plan.analysis.look_every_hours.max(1))).ceil();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and 60"
    )]
    let looks = looks.clamp(1.0, 60.0) as u16;
    looks
}

/// The metric as it was, and its correlation with the time before.
fn baseline(metric: &Metric, figures: &ArmFigures) -> Result<(Baseline, f64), NoAnswer> {
    let sums = figures.sums().ok_or(match figures {
        ArmFigures::Nothing => NoAnswer::TooFew,
        _ => NoAnswer::NotEstimable,
    })?;
    if sums.users < 2 {
        return Err(NoAnswer::TooFew);
    }
    let variance = sums.covariance(0, 0);
    let spread = (variance * sums.covariance(2, 2)).sqrt();
    let correlation = if spread > 0.0 { sums.covariance(0, 2) / spread } else { 0.0 };
    let correlation = correlation.clamp(-0.999, 0.999);
    match metric.kind {
        MetricKind::Binomial { .. } | MetricKind::Retention { .. } | MetricKind::Funnel { .. } => {
            Ok((Baseline::Binomial { rate: sums.mean(0) }, correlation))
        }
        MetricKind::Mean { .. } | MetricKind::Count { .. } => {
            Ok((Baseline::Mean { mean: sums.mean(0), variance }, correlation))
        }
        // CUPED of a ratio has a covariate of its own, whose correlation is not that of the numerators.
        MetricKind::Ratio { .. } => {
            let ratio = ratio::ratio(&sums.co_moments()?)?;
            Ok((Baseline::Mean { mean: ratio.value, variance: ratio.unit_variance }, 0.0))
        }
        MetricKind::Quantile { .. } => Err(NoAnswer::NotEstimable),
    }
}
