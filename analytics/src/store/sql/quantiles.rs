//! Quantiles over the values of single events, and how those lie in users.

use super::values::SPILL;
use super::{moments, number};
use crate::store::scope::Scope;

/// Of one metric, by arm and value of an attribute: `arm, attribute, value, users, events, places, low, high, below,
/// below_squared, below_by_events, events_squared`.
///
/// `places` are the positions of the quantile and of the two outer ones among the sorted values, counted from 0, with
/// fractions; `low` and `high` are the values on both sides, in units. A value at or below the quantile is one at or
/// below the lower side of it.
pub(in crate::store) fn quantiles(
    scope: &Scope<'_>,
    values: &str,
    q: f64,
    z: f64,
    top: &[Vec<String>],
) -> String {
    let (level, z) = (number(q), number(z));
    format!(
        "WITH arraySort(arrayFlatten(per_user)) AS sorted, length(sorted) AS n, \
         {z} * sqrt({level} * (1 - {level}) / n) AS outer, \
         arrayMap(level -> (n - 1) * level, [{level}, {level} - outer, {level} + outer]) AS places, \
         sorted[toUInt64(floor(places[1])) + 1] AS split, \
         arrayMap(of -> toUInt64(arrayCount(unit -> unit <= split, of)), per_user) AS under, \
         arrayMap(of -> toUInt64(length(of)), per_user) AS sizes \
         SELECT arm, attribute, value, toUInt64(length(per_user)) AS users, toUInt64(n) AS events, places, \
         arrayMap(place -> sorted[toUInt64(greatest(floor(place), 0)) + 1], places) AS low, \
         arrayMap(place -> sorted[least(toUInt64(greatest(floor(place), 0)) + 2, n)], places) AS high, \
         arraySum(under) AS below, arraySum(arrayMap(b -> b * b, under)) AS below_squared, \
         arraySum(arrayMap((b, size) -> b * size, under, sizes)) AS below_by_events, \
         arraySum(arrayMap(size -> size * size, sizes)) AS events_squared \
         FROM (SELECT arm, item.1 AS attribute, item.2 AS value, groupArray(series) AS per_user \
         FROM (SELECT arm, {} AS item, series FROM ({values}) WHERE arm BETWEEN 1 AND {} AND notEmpty(series)) \
         GROUP BY arm, attribute, value){SPILL}",
        moments::item(top),
        scope.arms(),
    )
}
