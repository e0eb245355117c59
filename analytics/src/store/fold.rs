//! Folding what is new into the per-user tables.

use std::collections::{BTreeMap, HashMap};

use clickhouse::Row;
use serde::Deserialize;

use super::error::StoreError;
use super::query::Reader;
use super::scope::Scope;
use super::sql::{users, values, values::Whose};

/// Up to which position each recipe is folded in; those that are not are at 0.
pub(super) type Folded = HashMap<u64, u64>;

#[derive(Row, Deserialize)]
struct Count {
    n: u64,
}

/// Brings the per-user tables to a position, and says how many users' values were computed. None, and nothing done, if
/// they are beyond it already.
pub(super) async fn advance(
    reader: &Reader,
    scope: &Scope<'_>,
    to: u64,
    folded: &mut Folded,
) -> Result<Option<u64>, StoreError> {
    let at = |folded: &Folded, recipe: u64| folded.get(&recipe).copied().unwrap_or(0);
    let recipes: Vec<_> = scope.metrics.iter().map(|measure| measure.recipe).collect();
    if recipes.iter().chain([&scope.recipe]).any(|&recipe| at(folded, recipe) > to) {
        return Ok(None);
    }
    let from = at(folded, scope.recipe);
    if from < to {
        reader.run("fold in exposures", &users::fold(scope, from, to)).await?;
    }
    let mut alike = BTreeMap::<u64, Vec<u64>>::new();
    for &recipe in &recipes {
        alike.entry(at(folded, recipe)).or_default().push(recipe);
    }
    let mut affected = 0;
    for (from, recipes) in alike.into_iter().filter(|&(from, _)| from < to) {
        let scope = scope.only(&recipes);
        let whose = if from == 0 { Whose::All } else { Whose::Changed { from, to } };
        let count = format!("SELECT count() AS n FROM ({})", values::changed(&scope, whose));
        let changed: Count = reader.row("count who changed", &count).await?;
        if changed.n > 0 {
            reader.run("fold in values", &values::fold(&scope, whose, to)).await?;
            affected += changed.n;
        }
    }
    folded.extend(recipes.into_iter().chain([scope.recipe]).map(|recipe| (recipe, to)));
    Ok(Some(affected))
}

/// Whether someone else has folded in more than `to` meanwhile, so that what was read since may be a mixture.
pub(super) async fn beyond(
    reader: &Reader,
    scope: &Scope<'_>,
    to: u64,
) -> Result<bool, StoreError> {
    let recipes: Vec<_> = scope.metrics.iter().map(|measure| measure.recipe.to_string()).collect();
    let place = scope.place();
    let statement = format!(
        "SELECT count() AS n FROM (SELECT 1 FROM experiment_users \
         WHERE {place} AND recipe = {} AND position > {to} LIMIT 1 \
         UNION ALL SELECT 1 FROM experiment_values \
         WHERE {place} AND recipe IN (0, {}) AND position > {to} LIMIT 1)",
        scope.recipe,
        if recipes.is_empty() { "0".to_owned() } else { recipes.join(", ") },
    );
    let found: Count = reader.row("see whether others are ahead", &statement).await?;
    Ok(found.n > 0)
}
