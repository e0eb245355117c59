//! What users have of metrics, in exact units of 1e-6: their events summed, before anything is summed over users.
//!
//! An event counts from the first exposure on, until the metric's window is over; without a window, until the iteration
//! ends. The covariate is the same of the days before the first exposure.

use super::{Source, USER, texts, time, users};
use crate::plan::{MetricKind, Take, Term};
use crate::store::scope::{Measure, Scope};

/// Whose values are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Whose {
    /// Everybody's.
    All,
    /// Of those who were exposed or did something after a position and up to another.
    Changed { from: u64, to: u64 },
}

/// Values: `recipe, user, arm, first, attributes, x, d, cx, cd, series`. Users who have nothing may be missing.
pub(in crate::store) fn values(scope: &Scope<'_>, source: Source) -> String {
    match source {
        Source::Raw(to) => of_users(scope, &users::users(scope, source), to),
        Source::Kept => {
            let recipes: Vec<_> =
                scope.metrics.iter().map(|measure| measure.recipe.to_string()).collect();
            format!(
                "SELECT recipe, user, arm, first, attributes, x, d, cx, cd, series \
                 FROM experiment_values FINAL WHERE {} AND recipe IN ({})",
                scope.place(),
                recipes.join(", "),
            )
        }
    }
}

/// Values, from raw events, of users that a statement gives.
pub(in crate::store) fn of_users(scope: &Scope<'_>, users: &str, to: u64) -> String {
    per_user(scope, users, &events(scope, to, Whose::All))
}

/// Writes the values of those who changed, from their raw events up to `to`, beside what was written of them before.
/// Who left all arms gets arm 0, so that the older row does not hold any more.
pub(in crate::store) fn fold(scope: &Scope<'_>, whose: Whose, to: u64) -> String {
    let among = (whose != Whose::All).then(|| changed(scope, whose));
    let users = users::users_among(scope, Source::Kept, among.as_deref());
    format!(
        "INSERT INTO experiment_values \
         (experiment, iteration, recipe, user, position, arm, first, attributes, x, d, cx, cd, series) \
         SELECT toUUID('{}'), toUInt32({}), recipe, user, toUInt64({to}), if(arm <= {}, arm, 0), first, attributes, \
         x, d, cx, cd, series FROM ({}) WHERE events > 0{}",
        scope.plan.id,
        scope.iteration.number,
        scope.arms(),
        per_user(scope, &users, &events(scope, to, whose)),
        // A table of the few is built faster than the many are sorted.
        if whose == Whose::All { SPILL } else { "" },
    )
}

/// Who changed: `user`.
pub(in crate::store) fn changed(scope: &Scope<'_>, whose: Whose) -> String {
    let Whose::Changed { from, to } = whose else {
        return format!("SELECT user FROM ({})", users::users(scope, Source::Kept));
    };
    format!(
        "SELECT user FROM experiment_users WHERE {} AND recipe = {} AND position > {from} \
         UNION DISTINCT SELECT {USER} AS user FROM events_metric \
         WHERE environment = '{}' AND metric IN ({}) AND position > {from} AND position <= {to}",
        scope.place(),
        scope.recipe,
        scope.plan.environment,
        names(scope),
    )
}

/// What large joins and groups are done with, so that memory stays bounded.
pub(in crate::store) const SPILL: &str = " SETTINGS join_algorithm = 'full_sorting_merge', \
     max_bytes_before_external_group_by = 2000000000, max_bytes_before_external_sort = 2000000000";

fn names(scope: &Scope<'_>) -> String {
    let mut names: Vec<_> = scope.metrics.iter().flat_map(Measure::events).collect();
    names.sort_unstable();
    names.dedup();
    texts(names)
}

/// Metric events, once each: `user, at, id, metric, units`.
fn events(scope: &Scope<'_>, to: u64, whose: Whose) -> String {
    let of = format!(
        "environment = '{}' AND metric IN ({}) AND position <= {to}",
        scope.plan.environment,
        names(scope)
    );
    let columns = format!("{USER} AS user, at, id, metric, toInt64(round(value * 1e6)) AS units");
    match whose {
        Whose::All => format!("SELECT {columns} FROM events_metric FINAL WHERE {of}"),
        // Of copies the first one holds, as with FINAL; for few events this is cheaper.
        Whose::Changed { .. } => format!(
            "SELECT {columns} FROM events_metric WHERE {of} AND {USER} IN ({}) \
             ORDER BY position LIMIT 1 BY metric, id",
            changed(scope, whose)
        ),
    }
}

/// Joins events with users and computes every metric in one pass, a row for each.
fn per_user(scope: &Scope<'_>, users: &str, events: &str) -> String {
    let rows: Vec<_> = scope.metrics.iter().map(|measure| row(scope, measure)).collect();
    let attributes = if scope.plan.analysis.breakdowns.is_empty() {
        "emptyArrayString()"
    } else {
        "any(exposed.attributes)"
    };
    format!(
        "SELECT row.1 AS recipe, user, arm, first, attributes, row.2 AS events, \
         row.3 AS x, row.4 AS d, row.5 AS cx, row.6 AS cd, row.7 AS series \
         FROM (SELECT event.user AS user, any(exposed.arm) AS arm, any(exposed.first) AS first, \
         {attributes} AS attributes, [{}] AS rows \
         FROM ({events}) AS event INNER JOIN ({users}) AS exposed ON event.user = exposed.user \
         GROUP BY event.user) ARRAY JOIN rows AS row",
        rows.join(", ")
    )
}

/// `(recipe, events seen, x, d, cx, cd, series)` of a user.
fn row(scope: &Scope<'_>, measure: &Measure<'_>) -> String {
    let after = after(scope, measure);
    let before = match measure.metric.covariate_days {
        0 => None,
        days => Some(format!(
            "event.at < exposed.first AND event.at >= exposed.first - toIntervalDay({days})"
        )),
    };
    let nothing = "toInt128(0)".to_owned();
    let both = |take: &dyn Fn(&str) -> String| {
        [take(&after), before.as_deref().map_or_else(|| nothing.clone(), take)]
    };
    let whether = |event: &str| {
        let event = texts([event]);
        both(&|when| format!("if(countIf(metric = {event} AND {when}) > 0, {ONE}, toInt128(0))"))
    };
    let mut series = "emptyArrayInt64()".to_owned();
    let mut d = [nothing.clone(), nothing.clone()];
    let x = match &measure.metric.kind {
        MetricKind::Binomial { event } | MetricKind::Retention { event, .. } => whether(event),
        MetricKind::Mean { event } => both(&|when| taken(event, Take::Sum, when)),
        MetricKind::Count { event } => both(&|when| taken(event, Take::Count, when)),
        MetricKind::Ratio { numerator, denominator } => {
            let term = |term: &Term| both(&|when| taken(&term.event, term.take, when));
            d = term(denominator);
            term(numerator)
        }
        MetricKind::Quantile { event, .. } => {
            series = format!("groupArrayIf(units, metric = {} AND {after})", texts([&**event]));
            [nothing.clone(), nothing.clone()]
        }
        MetricKind::Funnel { steps } => both(&|when| funnel(measure, steps, when)),
    };
    format!(
        "(toUInt64({}), countIf(metric IN ({})), {}, {}, {}, {}, {series})",
        measure.recipe,
        texts(measure.events()),
        x[0],
        d[0],
        x[1],
        d[1],
    )
}

const ONE: &str = "toInt128(1000000)";

/// Whether an event counts for the value.
fn after(scope: &Scope<'_>, measure: &Measure<'_>) -> String {
    if let MetricKind::Retention { from_day, to_day, .. } = measure.metric.kind {
        return format!(
            "event.at >= exposed.first + toIntervalDay({from_day}) \
             AND event.at < exposed.first + toIntervalDay({to_day})"
        );
    }
    let until = match (measure.metric.window_hours, scope.ended) {
        (Some(hours), _) => format!(" AND event.at < exposed.first + toIntervalHour({hours})"),
        (None, Some(ended)) => format!(" AND event.at < {}", time(ended)),
        (None, None) => String::new(),
    };
    format!("event.at >= exposed.first{until}")
}

fn taken(event: &str, take: Take, when: &str) -> String {
    let when = format!("metric = {} AND {when}", texts([event]));
    match take {
        Take::Sum => format!("sumIf(toInt128(units), {when})"),
        Take::Count => format!("toInt128(countIf({when})) * {ONE}"),
    }
}

/// Whether the steps were gone through in their order: events in the order of time and id, each taken as the next step
/// as soon as it is that one, which finds a way through if there is any.
fn funnel(measure: &Measure<'_>, steps: &[String], when: &str) -> String {
    let names = texts(measure.events());
    let of_step =
        |step: &String| measure.events().iter().position(|name| name == step).map_or(0, |i| i + 1);
    let order: Vec<_> = steps.iter().map(|step| of_step(step).to_string()).collect();
    format!(
        "if(arrayFold((done, event) -> done + (event.3 = [{order}][done + 1]), \
         arraySort(groupArrayIf((event.at, event.id, toUInt64(indexOf([{names}], metric))), \
         metric IN ({names}) AND {when})), toUInt64(0)) = {}, {ONE}, toInt128(0))",
        steps.len(),
        order = order.join(", "),
    )
}
