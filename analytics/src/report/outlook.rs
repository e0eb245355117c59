//! How much longer it takes.

use serde::Serialize;

use super::band;
use super::family::Corrected;
use super::looks::{Rule, exposed};
use super::power;
use super::track::{Setting, Track};

/// The pace is that of this many days.
const PACE_DAYS: f64 = 7.0;

/// What is left to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Outlook {
    /// Whether all planned users are there, so that no look is left.
    pub over: bool,
    /// Users that took part on a day, over the last week; absent before there is any time to speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_day: Option<f64>,
    /// Users that are still wanted: those planned, or those that find the smallest interesting effect; absent when
    /// neither is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_left: Option<u64>,
    /// The days that takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<f64>,
}

/// Looks ahead; `primary` are the tracks that decide.
pub(super) fn ahead(setting: &Setting<'_>, primary: &[(&Track, Corrected)]) -> Outlook {
    let Some(newest) = setting.points.last() else { return Outlook::default() };
    let users = exposed(newest);
    let information = |track: &Track| match &track.rule {
        Rule::Spending(looks, _) | Rule::Single(looks) => looks.information.last().copied(),
        Rule::AlwaysValid(_) => None,
    };
    let over = !primary.is_empty()
        && primary.iter().all(|(track, _)| information(track).is_some_and(|now| now >= 1.0));
    let analysis = &setting.plan.analysis;
    let users_left = match analysis.planned_users.filter(|planned| *planned > 0) {
        Some(planned) => Some(planned.saturating_sub(users)),
        None => primary
            .iter()
            .filter_map(|(track, corrected)| {
                let effect = track.effects.last()?.as_ref().ok()?;
                let critical = band::critical(effect.users(), setting.tuning, corrected.level);
                power::users_needed(analysis, effect, critical, users).ok()
            })
            .max()
            .map(|needed| needed.saturating_sub(users)),
    }
    .filter(|left| *left > 0);
    let users_per_day = pace(setting);
    #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
    let days_left = users_left
        .zip(users_per_day)
        .map(|(left, pace)| left as f64 / pace)
        .filter(|days| days.is_finite());
    Outlook { over, users_per_day, users_left, days_left }
}

#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users or seconds")]
fn pace(setting: &Setting<'_>) -> Option<f64> {
    let newest = setting.points.last()?;
    let days = |from: jiff::Timestamp| {
        newest.at.as_second().saturating_sub(from.as_second()) as f64 / 86_400.0
    };
    let before = setting.points.iter().rev().find(|point| days(point.at) >= PACE_DAYS);
    let (from, already) =
        before.map_or((setting.iteration.started_at, 0), |point| (point.at, exposed(point)));
    let pace = exposed(newest).saturating_sub(already) as f64 / days(from);
    // A minute of data says nothing about a day.
    (days(from) > 1.0 / 1440.0 && pace.is_finite() && pace > 0.0).then_some(pace)
}
