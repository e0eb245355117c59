//! `==`, `===`, `<` and their kin between an attribute and a constant.

use ff_evaluator::Operator as Ours;
use serde_json::Value;

use super::attribute::{Attribute, Operand, operand};
use super::condition::{Cond, missing, one_of, test};
use super::javascript::{self, Comparison, is_nested, json_number, text_of};
use super::{Mode, Note, Reason, Refusal, Scope, lexical};

/// A comparison as flagd writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    comparison: Comparison,
    negated: bool,
}

impl Operator {
    pub(super) fn named(name: &str) -> Option<Self> {
        let (comparison, negated) = match name {
            "==" => (Comparison::Equal, false),
            "!=" => (Comparison::Equal, true),
            "===" => (Comparison::Identical, false),
            "!==" => (Comparison::Identical, true),
            "<" => (Comparison::Less, false),
            "<=" => (Comparison::LessOrEqual, false),
            ">" => (Comparison::Greater, false),
            ">=" => (Comparison::GreaterOrEqual, false),
            _ => return None,
        };
        Some(Self { comparison, negated })
    }
}

/// Which side the constant is on. Compiled code checks the types of both sides only if it is on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Interpreted,
    Both,
    NeitherSide,
}

/// What one comparison answers; `None` where the engine throws.
pub(super) fn answer(
    comparison: Comparison,
    left: &Value,
    right: &Value,
    checked: Checked,
) -> Option<bool> {
    if comparison == Comparison::Identical {
        return Some(comparison.plain(left, right));
    }
    if is_nested(left) || is_nested(right) {
        return None;
    }
    let text_or_null = |value: &Value| value.is_string() || value.is_null();
    let no_number = |value: &Value| javascript::number(value).is_nan();
    if checked == Checked::NeitherSide || text_or_null(left) && text_or_null(right) {
        return Some(comparison.plain(left, right));
    }
    if no_number(left) || no_number(right) && !left.is_null() {
        return None;
    }
    let falsy = |value: &Value| !javascript::truthy(value);
    Some(match checked {
        Checked::Interpreted => comparison.numeric(left, right),
        // Nothing is compared with nothing: null equals 0 and false here.
        _ if left.is_null() && falsy(right) => comparison.plain(&Value::Null, &Value::Null),
        _ if right.is_null() && falsy(left) => comparison.plain(left, &Value::from(0)),
        _ => comparison.plain(left, right),
    })
}

/// A comparison of two or three constants; `None` where the engine throws.
pub(super) fn of_constants(operator: Operator, values: &[Value]) -> Option<bool> {
    let compare = |left, right| {
        answer(operator.comparison, left, right, Checked::Interpreted)
            .map(|holds| holds != operator.negated)
    };
    match values {
        [left, right] => compare(left, right),
        [left, middle, right] => Some(compare(left, middle)? && compare(middle, right)?),
        _ => None,
    }
}

/// The condition under which a comparison holds.
pub(super) fn holds(
    operator: Operator,
    name: &str,
    arguments: &Value,
    scope: &Scope<'_>,
) -> Result<Cond, Refusal> {
    let side = |index: usize, expression| operand(expression, &scope.index(index));
    match arguments.as_array().map(Vec::as_slice) {
        Some([left, right]) => pair(operator, &side(0, left)?, &side(1, right)?, scope),
        Some([left, middle, right]) => {
            let (left, middle, right) = (side(0, left)?, side(1, middle)?, side(2, right)?);
            let between = matches!(
                (&left, &middle, &right),
                (Operand::Constant(_), Operand::Attribute(_), Operand::Constant(_))
            );
            if !between {
                return scope.refuse(Reason::Operand("more than one attribute"));
            }
            Ok(pair(operator, &left, &middle, scope)?.and(pair(operator, &middle, &right, scope)?))
        }
        _ => scope.refuse(Reason::Arguments {
            operator: name.to_owned(),
            expected: "two or three values",
        }),
    }
}

fn pair(
    operator: Operator,
    left: &Operand,
    right: &Operand,
    scope: &Scope<'_>,
) -> Result<Cond, Refusal> {
    let checked = |constant_right| match (scope.mode, constant_right) {
        (Mode::Interpreted, _) => Checked::Interpreted,
        (Mode::Compiled, true) => Checked::Both,
        (Mode::Compiled, false) => Checked::NeitherSide,
    };
    let compare = |left: &Value, right: &Value, constant_right| {
        answer(operator.comparison, left, right, checked(constant_right))
    };
    let known = |holds: Option<bool>| match holds {
        Some(holds) => Ok(Cond::from(holds)),
        None => scope.refuse(Reason::AlwaysError),
    };
    let cond = match (left, right) {
        (Operand::Attribute(attribute), Operand::Constant(constant)) => {
            let each = |value: &Value| compare(value, constant, true);
            with_constant(attribute, operator.comparison, constant, checked(true), each, scope)?
        }
        (Operand::Constant(constant), Operand::Attribute(attribute)) => {
            let each = |value: &Value| compare(constant, value, false);
            let swapped = operator.comparison.swapped();
            with_constant(attribute, swapped, constant, checked(false), each, scope)?
        }
        (Operand::Known(left), Operand::Constant(right)) => known(compare(left, right, true))?,
        (Operand::Constant(left), Operand::Known(right)) => known(compare(left, right, false))?,
        (Operand::Cases(cases), Operand::Constant(constant)) => {
            let holds = |value: &Value| compare(value, constant, true) == Some(true);
            let held = cases.iter().filter(|(_, value)| holds(value));
            Cond::any(held.map(|(condition, _)| condition.clone()))
        }
        _ => return scope.refuse(Reason::Operand("these two")),
    };
    Ok(if operator.negated { cond.not() } else { cond })
}

/// An attribute compared with a constant, kind of value by kind of value. `comparison` has the attribute on its left;
/// `each` answers for single values.
fn with_constant(
    attribute: &Attribute,
    comparison: Comparison,
    constant: &Value,
    checked: Checked,
    each: impl Fn(&Value) -> Option<bool>,
    scope: &Scope<'_>,
) -> Result<Cond, Refusal> {
    if is_nested(constant) {
        return if comparison == Comparison::Identical {
            Ok(Cond::Never)
        } else {
            scope.refuse(Reason::AlwaysError)
        };
    }
    let path = &attribute.path;
    let mut values: Vec<Value> = [Value::from(true), Value::from(false), Value::from("")]
        .into_iter()
        .filter(|value| each(value) == Some(true))
        .collect();
    let mut cond = Cond::Never;
    let by_number = match comparison {
        Comparison::Identical => constant.is_number(),
        // Without a check null equals nothing but null.
        Comparison::Equal => !(constant.is_null() && checked == Checked::NeitherSide),
        _ => true,
    };
    let number = javascript::number(constant);
    if by_number && !number.is_nan() {
        let Some(bound) = json_number(number) else {
            return scope.refuse(Reason::Number(constant.to_string()));
        };
        match ordering(comparison) {
            None => values.push(bound),
            Some(ours) => cond = test(path, ours, bound),
        }
    }
    match (constant, ordering(comparison)) {
        (Value::String(text), None) if !text.is_empty() => values.push(constant.clone()),
        (Value::String(_), None) => {}
        (Value::String(text), Some(_)) => {
            let Some(text) = lexical::condition(path, comparison, text) else {
                return scope.refuse(Reason::Order);
            };
            values.retain(|value| !value.is_string());
            cond = cond.or(text);
        }
        (Value::Null, None) => {}
        _ if comparison == Comparison::Identical => {}
        (_, ours) => {
            scope.note(Note::TextAsNumber { attribute: path.clone() });
            if ours.is_none() {
                values.extend(text_of(number).map(Value::String));
            }
        }
    }
    values.sort_by_key(|value| match value {
        Value::String(_) => 0,
        Value::Number(_) => 1,
        _ => 2,
    });
    let cond = one_of(path, values).or(cond);
    Ok(match attribute.absent(each, scope)? {
        Some(true) => cond.or(missing(path)),
        _ => cond,
    })
}

fn ordering(comparison: Comparison) -> Option<Ours> {
    Some(match comparison {
        Comparison::Equal | Comparison::Identical => return None,
        Comparison::Less => Ours::Lt,
        Comparison::LessOrEqual => Ours::Lte,
        Comparison::Greater => Ours::Gt,
        Comparison::GreaterOrEqual => Ours::Gte,
    })
}
