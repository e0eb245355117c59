//! `in`: a value in a list, or a text in a text.

use std::collections::BTreeSet;

use ff_evaluator::Operator;
use serde_json::Value;

use super::attribute::{Attribute, Operand, operand};
use super::condition::{Cond, missing, one_of, test};
use super::constant::contains;
use super::javascript::{is_nested, json_number, number_in, string, text_of};
use super::{Reason, Refusal, Scope, arguments};

/// A text of this length has 528 different parts at most.
const HAYSTACK_MAX: usize = 32;

/// The condition under which `in` holds.
pub(super) fn holds(given: &Value, scope: &Scope<'_>) -> Result<Cond, Refusal> {
    let [item, whole] = arguments::<2>("in", given, "two values", scope)?;
    let item = operand(item, &scope.index(0))?;
    let whole = operand(whole, &scope.index(1))?;
    match (&item, &whole) {
        (Operand::Attribute(attribute), Operand::Constant(Value::Array(list))) => {
            listed(attribute, list, scope)
        }
        (Operand::Attribute(attribute), Operand::Constant(Value::String(text))) => {
            part_of(attribute, text, scope)
        }
        (Operand::Constant(item) | Operand::Known(item), Operand::Attribute(attribute)) => {
            has(attribute, item, scope)
        }
        (
            Operand::Constant(item) | Operand::Known(item),
            Operand::Constant(whole) | Operand::Known(whole),
        ) => match contains(item, whole) {
            Some(holds) => Ok(holds.into()),
            None => scope.refuse(Reason::AlwaysError),
        },
        (_, Operand::Constant(Value::Null | Value::Bool(false))) => Ok(Cond::Never),
        _ => scope.refuse(Reason::Operand("these two")),
    }
}

/// The attribute is one of a list.
fn listed(attribute: &Attribute, list: &[Value], scope: &Scope<'_>) -> Result<Cond, Refusal> {
    let whole = Value::Array(list.to_vec());
    let absent = attribute.absent(|value| contains(value, &whole), scope)?;
    // Lists and objects are only ever the same as themselves.
    let mut values: Vec<Value> =
        list.iter().filter(|value| !value.is_null() && !is_nested(value)).cloned().collect();
    for value in &mut values {
        if let Some(float) = value.as_f64() {
            let Some(exact) = json_number(float) else {
                return scope.refuse(Reason::Number(value.to_string()));
            };
            *value = exact;
        }
    }
    let cond = one_of(&attribute.path, values);
    Ok(if absent == Some(true) { cond.or(missing(&attribute.path)) } else { cond })
}

/// The attribute, as text, is a part of a text: all parts are listed.
fn part_of(attribute: &Attribute, text: &str, scope: &Scope<'_>) -> Result<Cond, Refusal> {
    if text.is_empty() {
        return Ok(Cond::Never);
    }
    if text.chars().count() > HAYSTACK_MAX {
        return scope.refuse(Reason::Haystack { most: HAYSTACK_MAX });
    }
    let whole = Value::from(text);
    let absent = attribute.absent(|value| contains(value, &whole), scope)?;
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut parts = BTreeSet::from([""]);
    for (index, start) in ends.iter().enumerate() {
        parts.extend(ends[index..].iter().map(|end| &text[*start..*end]));
    }
    let number = |part: &&str| {
        let number = number_in(part);
        (text_of(number)? == **part).then(|| json_number(number))?
    };
    let bools = [true, false].into_iter().map(Value::from);
    let values: Vec<Value> = parts
        .iter()
        .map(|part| Value::from(*part))
        .chain(parts.iter().filter_map(number))
        .chain(bools.filter(|bool| string(bool).is_some_and(|name| text.contains(&name))))
        .collect();
    let cond = one_of(&attribute.path, values);
    Ok(if absent == Some(true) { cond.or(missing(&attribute.path)) } else { cond })
}

/// The attribute is a text with this part, or a list with this in it.
fn has(attribute: &Attribute, item: &Value, scope: &Scope<'_>) -> Result<Cond, Refusal> {
    let path = &attribute.path;
    let absent = attribute.absent(|value| contains(item, value), scope)?;
    let Some(part) = string(item) else {
        return scope.refuse(Reason::Operand("a list or an object"));
    };
    let text = test(path, Operator::Contains, part.as_str());
    // No text has a part, not even the empty one.
    let text = if part.is_empty() { text.and(one_of(path, vec!["".into()]).not()) } else { text };
    let exact = match item.as_f64() {
        None => item.clone(),
        Some(float) => match json_number(float) {
            Some(number) => number,
            None => return scope.refuse(Reason::Number(item.to_string())),
        },
    };
    let cond = text.or(test(path, Operator::AnyOf, vec![exact]));
    Ok(if absent == Some(true) { cond.or(missing(path)) } else { cond })
}
