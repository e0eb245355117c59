//! `starts_with` and `ends_with`. Both answer null, not false, for what is no text.

use ff_evaluator::Operator;
use serde_json::Value;

use super::attribute::{Attribute, Operand, operand};
use super::condition::{Cond, is_text, missing, one_of, test};
use super::javascript::is_nested;
use super::{Reason, Refusal, Scope, arguments};

/// When a test has an answer at all, and when the answer is yes.
pub(super) struct Answered {
    pub(super) at_all: Cond,
    pub(super) yes: Cond,
}

impl From<Option<bool>> for Answered {
    fn from(answer: Option<bool>) -> Self {
        Self { at_all: answer.is_some().into(), yes: (answer == Some(true)).into() }
    }
}

/// The conditions under which `starts_with` or `ends_with` answers.
pub(super) fn answered(
    operator: &str,
    given: &Value,
    scope: &Scope<'_>,
) -> Result<Answered, Refusal> {
    let start = operator == "starts_with";
    let [text, part] = arguments::<2>(operator, given, "two values", scope)?;
    let text = operand(text, &scope.index(0))?;
    let part = operand(part, &scope.index(1))?;
    let answer = |text: &Value, part: &Value| {
        let (text, part) = (text.as_str()?, part.as_str()?);
        Some(if start { text.starts_with(part) } else { text.ends_with(part) })
    };
    match (&text, &part) {
        (
            Operand::Constant(text) | Operand::Known(text),
            Operand::Constant(part) | Operand::Known(part),
        ) => Ok(answer(text, part).into()),
        (Operand::Attribute(attribute), Operand::Constant(part) | Operand::Known(part)) => {
            let Some(wanted) = part.as_str() else {
                return not_text(part, scope);
            };
            let ours = if start { Operator::StartsWith } else { Operator::EndsWith };
            let yes = test(&attribute.path, ours, wanted);
            with_absent(attribute, yes, |value| answer(value, part), scope)
        }
        (Operand::Constant(text) | Operand::Known(text), Operand::Attribute(attribute)) => {
            let Some(whole) = text.as_str() else {
                return not_text(text, scope);
            };
            let cuts = whole.char_indices().map(|(at, _)| at).chain([whole.len()]);
            let parts = cuts.map(|at| Value::from(if start { &whole[..at] } else { &whole[at..] }));
            let yes = one_of(&attribute.path, parts.collect());
            with_absent(attribute, yes, |value| answer(text, value), scope)
        }
        _ => scope.refuse(Reason::Operand("these two")),
    }
}

fn not_text(value: &Value, scope: &Scope<'_>) -> Result<Answered, Refusal> {
    if is_nested(value) { scope.refuse(Reason::Operand("a list")) } else { Ok(None.into()) }
}

fn with_absent(
    attribute: &Attribute,
    yes: Cond,
    answer: impl Fn(&Value) -> Option<bool>,
    scope: &Scope<'_>,
) -> Result<Answered, Refusal> {
    let path = &attribute.path;
    let answers = attribute.absent(|value| Some(answer(value).is_some()), scope)?;
    let says_yes = attribute.absent(|value| Some(answer(value) == Some(true)), scope)?;
    let when = |absent: Option<bool>, cond: Cond| {
        if absent == Some(true) { cond.or(missing(path)) } else { cond }
    };
    Ok(Answered { at_all: when(answers, is_text(path)), yes: when(says_yes, yes) })
}
