//! Expressions as conditions: an expression holds if its value is truthy.

use serde_json::Value;

use super::attribute::{Operand, operand};
use super::compare::{self, Operator};
use super::condition::{Cond, is_truthy, missing};
use super::constant::constant;
use super::javascript::truthy;
use super::prefix::{self, Answered};
use super::{Reason, Refusal, Scope, call, membership, version};

/// The condition under which an expression holds.
pub(super) fn holds(expression: &Value, scope: &Scope<'_>) -> Result<Cond, Refusal> {
    if let Some(value) = constant(expression, scope)? {
        return Ok(truthy(&value).into());
    }
    let Some((operator, arguments)) = call(expression, scope)? else {
        return scope.refuse(Reason::Operand("a list with attributes"));
    };
    let inside = scope.field(operator);
    match operator {
        "var" => match operand(expression, scope)? {
            Operand::Attribute(attribute) => {
                let cond = is_truthy(&attribute.path);
                Ok(match attribute.absent(|value| Some(truthy(value)), &inside)? {
                    Some(true) => cond.or(missing(&attribute.path)),
                    _ => cond,
                })
            }
            Operand::Constant(value) | Operand::Known(value) => Ok(truthy(&value).into()),
            Operand::Cases(_) => scope.refuse(Reason::Operand("an expression")),
        },
        "and" | "or" => {
            let Some(parts) = arguments.as_array() else {
                return scope.refuse(Reason::AlwaysError);
            };
            let mut cond = Cond::from(operator == "and");
            for (index, part) in parts.iter().enumerate() {
                let part = holds(part, &inside.index(index))?;
                cond = if operator == "and" { cond.and(part) } else { cond.or(part) };
            }
            Ok(cond)
        }
        "if" | "?:" => {
            let Branches { branches, otherwise } = Branches::of(arguments, &inside)?;
            let mut cond = match otherwise {
                Some((expression, scope)) => holds(expression, &scope)?,
                None => Cond::Never,
            };
            for branch in branches.into_iter().rev() {
                let condition = holds(branch.condition.0, &branch.condition.1)?;
                let then = holds(branch.then.0, &branch.then.1)?;
                cond = condition.clone().and(then).or(condition.not().and(cond));
            }
            Ok(cond)
        }
        "!" | "!!" => {
            let cond = match arguments.as_array() {
                None => holds(arguments, &inside)?,
                Some(items) => match items.first() {
                    Some(first) => holds(first, &inside.index(0))?,
                    None => Cond::Never,
                },
            };
            Ok(if operator == "!" { cond.not() } else { cond })
        }
        "in" => membership::holds(arguments, &inside),
        _ => match (Operator::named(operator), answered(operator, arguments, &inside)) {
            (Some(comparison), _) => compare::holds(comparison, operator, arguments, &inside),
            (None, Some(answered)) => Ok(answered?.yes),
            (None, None) => unsupported(operator, arguments, scope),
        },
    }
}

/// Operators that answer null for what they do not compare; `None` for other operators.
pub(super) fn answered(
    operator: &str,
    arguments: &Value,
    scope: &Scope<'_>,
) -> Option<Result<Answered, Refusal>> {
    match operator {
        "starts_with" | "ends_with" => Some(prefix::answered(operator, arguments, scope)),
        "sem_ver" => Some(version::answered(arguments, scope)),
        _ => None,
    }
}

/// The values of an expression that answers true, false or null.
pub(super) fn cases(expression: &Value, scope: &Scope<'_>) -> Result<Vec<(Cond, Value)>, Refusal> {
    let Some((operator, arguments)) = call(expression, scope)? else {
        return scope.refuse(Reason::Operand("a list"));
    };
    if let Some(answered) = answered(operator, arguments, &scope.field(operator)) {
        let Answered { at_all, yes } = answered?;
        let no = at_all.clone().and(yes.clone().not());
        return Ok(vec![(yes, true.into()), (no, false.into()), (at_all.not(), Value::Null)]);
    }
    match operator {
        "and" | "or" | "if" | "?:" => scope.refuse(Reason::Operand("a nested expression")),
        _ => {
            let cond = holds(expression, scope)?;
            Ok(vec![(cond.clone(), true.into()), (cond.not(), false.into())])
        }
    }
}

fn unsupported<T>(operator: &str, arguments: &Value, scope: &Scope<'_>) -> Result<T, Refusal> {
    match operator {
        "fractional" => scope.refuse(Reason::Fractional),
        "$ref" => {
            let name = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            scope.refuse(Reason::Evaluator(name))
        }
        other => scope.refuse(Reason::Operator(other.to_owned())),
    }
}

/// An expression and where it stands.
type At<'v, 'a> = (&'v Value, Scope<'a>);

/// An `if`, taken apart.
pub(super) struct Branches<'v, 'a> {
    pub(super) branches: Vec<Branch<'v, 'a>>,
    pub(super) otherwise: Option<At<'v, 'a>>,
}

/// One condition of an `if` and what it leads to.
pub(super) struct Branch<'v, 'a> {
    pub(super) condition: At<'v, 'a>,
    pub(super) then: At<'v, 'a>,
}

impl<'v, 'a> Branches<'v, 'a> {
    pub(super) fn of(arguments: &'v Value, scope: &Scope<'a>) -> Result<Self, Refusal> {
        let Some(items) = arguments.as_array() else { return scope.refuse(Reason::AlwaysError) };
        let scope = if items.len() < 3 { scope.interpreted() } else { scope.clone() };
        let (pairs, rest) = items.as_chunks::<2>();
        let branches = pairs.iter().enumerate().map(|(index, [condition, then])| Branch {
            condition: (condition, scope.index(2 * index)),
            then: (then, scope.index(2 * index + 1)),
        });
        let otherwise = rest.first().map(|last| (last, scope.index(items.len() - 1)));
        Ok(Self { branches: branches.collect(), otherwise })
    }
}
