//! Exact sums over users: a user's 128-bit values multiply to 256 bits, which no experiment fills.

use super::users;
use super::values::SPILL;
use crate::plan::{Cap, MetricKind};
use crate::store::scope::{Measure, Scope};

/// What a user's value is cut at, in units; by metric of the scope.
pub(in crate::store) type Caps = Vec<Option<i128>>;

/// The caps that are known without looking at data.
pub(in crate::store) fn fixed_caps(scope: &Scope<'_>) -> Caps {
    scope.metrics.iter().map(fixed).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "a conversion that saturates")]
fn fixed(measure: &Measure<'_>) -> Option<i128> {
    match cap(measure)? {
        Cap::Value { value } => Some((value * 1e6).round_ties_even() as i128),
        Cap::Percentile { .. } => None,
    }
}

/// The cap of what has a size. Of a ratio it cuts the numerator, the denominator stays; what happened or not, and a
/// quantile, have nothing to cut.
fn cap(measure: &Measure<'_>) -> Option<Cap> {
    match measure.metric.kind {
        MetricKind::Mean { .. } | MetricKind::Count { .. } | MetricKind::Ratio { .. } => {
            measure.metric.cap
        }
        _ => None,
    }
}

/// The caps at percentiles, in one row: `caps`, in the order of the metrics that have one.
/// Over the users of all arms who have more than nothing, after Hyndman and Fan's definition 7, cut to whole units.
pub(in crate::store) fn percentile_caps(scope: &Scope<'_>, values: &str) -> String {
    let caps: Vec<_> = percentiles(scope)
        .map(|(_, recipe, p)| {
            format!(
                "toInt128(floor(ifNotFinite(quantileExactInclusiveIf({p:?})(toFloat64(x), recipe = {recipe}), 0)))"
            )
        })
        .collect();
    format!(
        "SELECT [{}] AS caps FROM ({values}) WHERE arm BETWEEN 1 AND {} AND x > 0{SPILL}",
        caps.join(", "),
        scope.arms(),
    )
}

/// Place in the scope, recipe and level of the metrics that are capped at a percentile.
pub(in crate::store) fn percentiles(scope: &Scope<'_>) -> impl Iterator<Item = (usize, u64, f64)> {
    scope.metrics.iter().enumerate().filter_map(|(i, measure)| match cap(measure)? {
        Cap::Percentile { p } => Some((i, measure.recipe, p)),
        Cap::Value { .. } => None,
    })
}

/// Sums by metric, arm, and value of an attribute: `recipe, arm, attribute, value, sums`; attribute 0 is the whole.
/// `sums` are the four sums, the ten products, Σx³, Σ|x| and max|x|.
pub(in crate::store) fn moments(
    scope: &Scope<'_>,
    values: &str,
    caps: &Caps,
    top: &[Vec<String>],
) -> String {
    let ratio = scope.metrics.iter().any(|of| matches!(of.metric.kind, MetricKind::Ratio { .. }));
    let before = scope.metrics.iter().any(|of| of.metric.covariate_days > 0);
    // What no metric has is not summed: most experiments have neither ratios nor all covariates.
    let quantities = [("x", true), ("d", ratio), ("cx", before), ("cd", ratio && before)];
    let sum = |there: bool, of: String| if there { of } else { "toInt256(0)".to_owned() };
    let mut sums: Vec<_> =
        quantities.iter().map(|&(name, there)| sum(there, format!("sum({name})"))).collect();
    for (i, &(one, there)) in quantities.iter().enumerate() {
        let products = quantities[i..].iter();
        sums.extend(
            products.map(|&(other, too)| sum(there && too, format!("sum({one} * {other})"))),
        );
    }
    sums.extend(
        ["sum(x * x * x)", "sum(toInt256(abs(x)))", "max(toInt256(abs(x)))"].map(str::to_owned),
    );
    // A list and not a case for each: engines were seen to sum cases of 128 bits wrongly.
    let capped =
        scope.metrics.iter().zip(caps).filter_map(|(measure, cap)| Some((measure, (*cap)?)));
    let (recipes, caps): (Vec<_>, Vec<_>) = capped
        .map(|(of, cap)| (format!("toUInt64({})", of.recipe), format!("toInt128('{cap}')")))
        .unzip();
    let cut = |name: &str| {
        if caps.is_empty() {
            return name.to_owned();
        }
        let (recipes, caps) = (recipes.join(", "), caps.join(", "));
        let most = i128::MAX;
        format!("least({name}, [toInt128('{most}'), {caps}][indexOf([{recipes}], recipe) + 1])")
    };
    format!(
        "SELECT recipe, arm, item.1 AS attribute, item.2 AS value, [{}] AS sums \
         FROM (SELECT recipe, arm, {} AS item, toInt256({}) AS x, toInt256(d) AS d, toInt256({}) AS cx, toInt256(cd) AS cd \
         FROM ({values}) WHERE arm BETWEEN 1 AND {}{}) GROUP BY recipe, arm, attribute, value{SPILL}",
        sums.join(", "),
        item(top),
        cut("x"),
        cut("cx"),
        scope.arms(),
        eligible(scope),
    )
}

/// What a row of a user counts for: the whole, and each of its attributes.
pub(super) fn item(top: &[Vec<String>]) -> String {
    let whole = "(toUInt8(0), '')";
    match users::items(top).as_str() {
        "[]" => whole.to_owned(),
        items => format!("arrayJoin(arrayConcat([{whole}], {items}))"),
    }
}

/// Leaves out users who are too young for a metric.
fn eligible(scope: &Scope<'_>) -> String {
    let young = scope.metrics.iter().filter(|measure| measure.age() > 0);
    young
        .map(|measure| {
            let old = users::has_age(scope, measure.age());
            format!(" AND (recipe != {} OR {old})", measure.recipe)
        })
        .collect()
}
