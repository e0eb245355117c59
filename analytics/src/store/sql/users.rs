//! The users of an iteration, once each: when they were first exposed, in which variations they were seen, and the
//! attributes of breakdowns at their first exposure.

use super::{Source, Text, USER, texts, time};
use crate::store::scope::Scope;
use crate::store::steps;

/// Values of an attribute that are shown one by one; the rest is put together.
pub(in crate::store) const MOST_VALUES: usize = 20;

/// Exposures of the iteration: those that name its rule, and those that name none but fall into its time.
pub(in crate::store) fn of_iteration(scope: &Scope<'_>) -> String {
    let started = time(scope.iteration.started_at);
    let ended = scope.ended.map(|ended| format!(" AND at < {}", time(ended))).unwrap_or_default();
    format!("(rule = {} OR (rule = '' AND at >= {started}{ended}))", Text(&scope.iteration.rule))
}

/// Exposures of the experiment in all its iterations.
pub(in crate::store) fn of_experiment(scope: &Scope<'_>) -> String {
    let plan = scope.plan;
    format!("environment = '{}' AND experiment = {}", plan.environment, Text(&plan.key))
}

/// Folds the exposures after one position and up to another into the table of users. Copies of an event and repeats of
/// this statement change nothing.
pub(in crate::store) fn fold(scope: &Scope<'_>, from: u64, to: u64) -> String {
    let state = if scope.plan.analysis.breakdowns.is_empty() {
        // Nothing to remember, which need not be found out for every exposure.
        "initializeAggregation('argMinState', emptyArrayString(), toUInt256(0))".to_owned()
    } else {
        format!("argMinState({}, {ORDER})", attributes(scope))
    };
    format!(
        "INSERT INTO experiment_users (experiment, iteration, recipe, user, first, low, high, attributes, position) \
         SELECT toUUID('{}'), toUInt32({}), toUInt64({}), {USER} AS key, min(at), min({code}), max({code}), \
         {state}, max(position) \
         FROM events_exposure WHERE {} AND position > {from} AND position <= {to} AND {} GROUP BY key",
        scope.plan.id,
        scope.iteration.number,
        scope.recipe,
        of_experiment(scope),
        of_iteration(scope),
        code = code(scope),
    )
}

/// Users: `user, first, arm, attributes`. `arm` counts from 1 in the order of the plan; 0 are users seen in several
/// variations, one more than there are arms are users of a variation that is no arm.
pub(in crate::store) fn users(scope: &Scope<'_>, source: Source) -> String {
    users_among(scope, source, None)
}

/// The same of those whom a statement names: `user`.
pub(in crate::store) fn users_among(
    scope: &Scope<'_>,
    source: Source,
    among: Option<&str>,
) -> String {
    let arms = scope.arms();
    let seen = match source {
        Source::Raw(to) => {
            let attributes = if scope.plan.analysis.breakdowns.is_empty() {
                attributes(scope)
            } else {
                format!("argMin({}, {ORDER})", attributes(scope))
            };
            format!(
                "SELECT {USER} AS user, min(at) AS first, min({code}) AS low, max({code}) AS high, \
                 {attributes} AS attributes \
                 FROM events_exposure WHERE {} AND position <= {to} AND {}{} GROUP BY user",
                of_experiment(scope),
                of_iteration(scope),
                among.map_or_else(String::new, |them| format!(" AND {USER} IN ({them})")),
                code = code(scope),
            )
        }
        Source::Kept => {
            let attributes = if scope.plan.analysis.breakdowns.is_empty() {
                attributes(scope)
            } else {
                "finalizeAggregation(attributes)".to_owned()
            };
            // The user is part of the key, so choosing before copies are put together is safe, and spares reading all.
            let among =
                among.map_or_else(String::new, |them| format!("PREWHERE user IN ({them}) "));
            format!(
                "SELECT user, first, low, high, {attributes} AS attributes \
                 FROM experiment_users FINAL {among}WHERE {} AND recipe = {}",
                scope.place(),
                scope.recipe,
            )
        }
    };
    format!(
        "SELECT user, first, attributes, \
         toUInt64(multiIf(low != high, 0, low <= {arms}, low, {})) AS arm FROM ({seen})",
        arms + 1
    )
}

/// Users by arm and time step of the first exposure: `arm, step, users, aged`, the last one for every given age in days
/// the number of users who have reached it.
pub(in crate::store) fn count(scope: &Scope<'_>, source: Source, ages: &[u32]) -> String {
    count_of(scope, &users(scope, source), ages)
}

/// The same of users that a statement gives.
pub(in crate::store) fn count_of(scope: &Scope<'_>, users: &str, ages: &[u32]) -> String {
    format!(
        "SELECT arm, {} AS step, count() AS users, {} AS aged FROM ({users}) GROUP BY arm, step",
        steps::index_sql(scope.iteration, scope.steps.len(), "first"),
        aged(scope, ages),
    )
}

/// The values of attributes with most users: `attribute, value`, attributes counted from 1 in the order of the plan.
pub(in crate::store) fn top_values(scope: &Scope<'_>, source: Source) -> String {
    format!(
        "SELECT item.1 AS attribute, item.2 AS value FROM ({}) \
         ARRAY JOIN arrayMap((p, v) -> (toUInt8(p), v), arrayEnumerate(attributes), attributes) AS item \
         WHERE arm BETWEEN 1 AND {} GROUP BY attribute, value \
         ORDER BY attribute, count() DESC, value LIMIT {MOST_VALUES} BY attribute",
        users(scope, source),
        scope.arms(),
    )
}

/// Users by arm, attribute and value: `arm, attribute, value, users, aged`.
pub(in crate::store) fn count_values(
    scope: &Scope<'_>,
    source: Source,
    ages: &[u32],
    top: &[Vec<String>],
) -> String {
    format!(
        "SELECT arm, item.1 AS attribute, item.2 AS value, count() AS users, {} AS aged FROM ({}) \
         ARRAY JOIN {} AS item WHERE arm BETWEEN 1 AND {} GROUP BY arm, attribute, value",
        aged(scope, ages),
        users(scope, source),
        items(top),
        scope.arms(),
    )
}

/// What a user counts for besides the whole: the number of each attribute and its value, or that it is a rare one.
pub(in crate::store) fn items(top: &[Vec<String>]) -> String {
    let item = |(place, values): (usize, &Vec<String>)| {
        let place = place + 1;
        let value = format!("attributes[{place}]");
        let values = texts(values.iter().map(String::as_str));
        let other = Text(crate::figures::OTHER);
        format!("(toUInt8({place}), if({value} IN ({values}), {value}, {other}))")
    };
    let items: Vec<_> =
        top.iter().enumerate().filter(|(_, values)| !values.is_empty()).map(item).collect();
    format!("[{}]", items.join(", "))
}

/// Whether a user has reached an age in days.
pub(in crate::store) fn has_age(scope: &Scope<'_>, days: u32) -> String {
    format!("first <= {} - toIntervalDay({days})", time(scope.at))
}

fn aged(scope: &Scope<'_>, ages: &[u32]) -> String {
    let counts = ages.iter().map(|&days| format!("countIf({})", has_age(scope, days)));
    format!("[toUInt64(0){}]", counts.map(|count| format!(", {count}")).collect::<String>())
}

/// The order of exposures of a user: by time, then by id.
const ORDER: &str = "bitShiftLeft(toUInt256(greatest(toUnixTimestamp64Milli(at), 0)), 128) + reinterpretAsUInt128(id)";

/// The number of a variation: arms count from 1, others are large, so that two variations never have one number.
fn code(scope: &Scope<'_>) -> String {
    let arms = scope.iteration.arms.iter().enumerate();
    let arms: String =
        arms.map(|(i, arm)| format!("variation = {}, {}, ", Text(&arm.variation), i + 1)).collect();
    format!("toUInt64(multiIf({arms}bitOr(sipHash64(variation), 9223372036854775808)))")
}

fn attributes(scope: &Scope<'_>) -> String {
    let names = &scope.plan.analysis.breakdowns;
    if names.is_empty() {
        return "emptyArrayString()".to_owned();
    }
    let values: Vec<_> = names.iter().map(|name| format!("attributes[{}]", Text(name))).collect();
    format!("[{}]", values.join(", "))
}
