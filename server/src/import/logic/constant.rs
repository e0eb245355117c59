//! Expressions without attributes, worked out while translating as flagd's engine works them out while compiling.

use serde_json::Value;

use super::compare::{self, Operator};
use super::javascript::{string, truthy};
use super::{Reason, Refusal, Scope, call};

/// Operators that flagd's engine knows, with nothing of the context in them.
const LOGIC: &[&str] = &["and", "or", "if", "?:", "!", "!!", "in"];

/// The value of an expression, if it has one that does not depend on the context.
pub(super) fn constant(expression: &Value, scope: &Scope<'_>) -> Result<Option<Value>, Refusal> {
    if let Value::Array(items) = expression {
        let parts: Result<Option<Vec<Value>>, Refusal> = items
            .iter()
            .enumerate()
            .map(|(index, item)| constant(item, &scope.index(index)))
            .collect();
        return Ok(parts?.map(Value::Array));
    }
    let Some((operator, arguments)) = call(expression, scope)? else {
        return Ok(Some(expression.clone()));
    };
    if !LOGIC.contains(&operator) && Operator::named(operator).is_none() {
        return Ok(None);
    }
    let scope = scope.field(operator);
    let Some(arguments) = constant(arguments, &scope)? else { return Ok(None) };
    match apply(operator, &arguments) {
        Some(value) => Ok(Some(value)),
        None => scope.refuse(Reason::AlwaysError),
    }
}

/// `None` where the engine throws.
fn apply(operator: &str, arguments: &Value) -> Option<Value> {
    let list = arguments.as_array();
    Some(match operator {
        "!" | "!!" => {
            let operand = list.map_or(Some(arguments), |items| items.first());
            Value::Bool(operand.is_some_and(truthy) == (operator == "!!"))
        }
        "and" | "or" => {
            let items = list?;
            let stop = items.iter().find(|item| truthy(item) == (operator == "or"));
            stop.or(items.last()).cloned().unwrap_or(Value::Null)
        }
        "in" => Value::Bool(contains(list?.first()?, list?.get(1)?)?),
        "if" | "?:" => branch(list?),
        _ => Value::Bool(compare::of_constants(Operator::named(operator)?, list?)?),
    })
}

fn branch(mut rest: &[Value]) -> Value {
    loop {
        match rest {
            [] => return Value::Null,
            [last] => return last.clone(),
            [condition, then, ..] if truthy(condition) => return then.clone(),
            [_, _, others @ ..] => rest = others,
        }
    }
}

/// Whether a list or a text has something in it.
pub(super) fn contains(item: &Value, whole: &Value) -> Option<bool> {
    match whole {
        whole if !truthy(whole) && !whole.is_object() => Some(false),
        Value::String(text) => Some(text.contains(&string(item)?)),
        Value::Array(items) => {
            Some(items.iter().any(|one| super::javascript::Comparison::Identical.plain(one, item)))
        }
        _ => None,
    }
}
