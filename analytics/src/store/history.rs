//! What users had of a metric lately, without an experiment: what the next experiment is planned from.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::error::StoreError;
use super::query::Reader;
use super::rows::CountRow;
use super::scope::Scope;
use super::sql::{USER, time, users, values};
use super::{measure, timeline};
use crate::figures::ArmFigures;
use crate::plan::{
    Analysis, Arm, Correction, ExperimentPlan, Iteration, Method, Metric, MetricUse, Role, Status,
};

/// A metric over all users of an environment in a time that is past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// From when on.
    pub from: Timestamp,
    /// Until when: when the newest event was received.
    pub until: Timestamp,
    /// Users who were exposed to anything or did anything that is measured in that time.
    pub users: u64,
    /// The same by day: how many new users an experiment on all of them would meet in a day.
    pub users_per_day: f64,
    /// What these users had, as if an experiment with one arm had begun for all of them at `from`.
    pub figures: ArmFigures,
}

pub(super) async fn history(
    reader: &Reader,
    environment: Uuid,
    metric: &Metric,
    days: u32,
) -> Result<History, StoreError> {
    let to = timeline::written(reader).await?.position;
    let newest = timeline::newest_received(reader, environment, 0, to).await?;
    let until = newest.unwrap_or(Timestamp::UNIX_EPOCH);
    let days = days.max(1);
    let from = until
        .checked_sub(SignedDuration::from_hours(i64::from(days) * 24))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let plan = plan(environment, metric, from);
    let scope = Scope::of(&plan, until).ok_or(StoreError::NotStarted)?;
    let seen = |table: &str| {
        format!(
            "SELECT DISTINCT {USER} AS user FROM {table} WHERE environment = '{environment}' \
             AND at >= {} AND position <= {to}",
            time(from)
        )
    };
    let everyone = format!(
        "SELECT user, {} AS first, emptyArrayString() AS attributes, toUInt64(1) AS arm FROM ({} UNION DISTINCT {})",
        time(from),
        seen("events_exposure"),
        seen("events_metric"),
    );
    let ages: Vec<_> = scope.metrics.iter().map(|m| m.age()).filter(|&age| age > 0).collect();
    let statement = users::count_of(&scope, &everyone, &ages);
    let counted: Vec<CountRow> = reader.rows("count users", &statement).await?;
    let mut whole = measure::cell(0, String::new(), 1, ages.len());
    counted.iter().for_each(|row| measure::add(&mut whole, 0, row.users, &row.aged));
    let users = whole.users[0];
    let of = |scope: &Scope<'_>| values::of_users(scope, &everyone, to);
    let found = measure::metrics(reader, &scope, &of, std::slice::from_ref(&whole), &[]).await?;
    let figures = found.into_values().next().and_then(|figures| figures.whole.into_iter().next());
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 users")]
    let users_per_day = users as f64 / f64::from(days);
    Ok(History { from, until, users, users_per_day, figures: figures.unwrap_or_default() })
}

/// An experiment that never was, with one arm and everybody in it.
fn plan(environment: Uuid, metric: &Metric, from: Timestamp) -> ExperimentPlan {
    ExperimentPlan {
        id: Uuid::nil(),
        key: String::new(),
        name: String::new(),
        version: 0,
        position: "0".to_owned(),
        organization: Uuid::nil(),
        project: Uuid::nil(),
        environment,
        flag: String::new(),
        flag_version: 0,
        status: Status::Running,
        arms: Vec::new(),
        traffic: 1.0,
        bucket_by: None,
        iterations: vec![Iteration {
            number: 1,
            rule: String::new(),
            started_at: from,
            ended_at: None,
            arms: vec![Arm { variation: String::new(), weight: 100_000 }],
        }],
        metrics: vec![MetricUse { metric: metric.clone(), role: Role::Primary }],
        analysis: Analysis {
            alpha: 0.05,
            power: 0.8,
            method: Method::Fixed,
            planned_users: None,
            look_every_hours: 24,
            minimum_effect: None,
            correction: Correction::None,
            breakdowns: Vec::new(),
        },
    }
}
