//! flagd's targeting (JsonLogic with a few operators of flagd's own) as targeting rules that answer the same.
//!
//! flagd coerces: a missing attribute is `null`, `null` compares like 0, `"1"` like 1. Our operators never do, so what
//! flagd makes of each kind of value is written out, kind by kind, wherever it gives an answer at all; contexts on
//! which flagd itself only reports an error are nobody's loss. What cannot be written out is refused.
//!
//! Reading order: `tree` (which variant for whom), `holds` (an expression as a condition), then the operators.

mod attribute;
mod compare;
mod condition;
mod constant;
mod holds;
mod javascript;
mod lexical;
mod membership;
mod prefix;
mod tree;
mod version;
mod version_number;
mod version_text;

use std::cell::RefCell;
use std::collections::BTreeSet;

use ff_evaluator::{Outcome, Rule};
use serde::Serialize;
use serde_json::Value;

use condition::Cond;

/// Targeting, translated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Translated {
    /// The rules, in order.
    pub(crate) rules: Vec<Rule>,
    /// What is not kept to the letter.
    pub(crate) notes: BTreeSet<Note>,
}

/// A difference that is told instead of refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Note {
    /// flagd compares `"5"` like 5.
    TextAsNumber {
        /// Where.
        attribute: String,
    },
    /// flagd reads 1.2 as version 1.2.0, and 7.05 as none.
    NumberAsVersion {
        /// Where.
        attribute: String,
    },
    /// Here `user_key` and `user_id` stand in for a missing targeting key.
    TargetingKey,
    /// flagd leaves the value of a disabled flag to the caller.
    Disabled {
        /// What is served instead.
        variation: String,
    },
    /// A field means nothing to flagd, or nothing here.
    Ignored {
        /// Which.
        field: String,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TextAsNumber { attribute } => write!(
                f,
                "text that reads as a number is not compared as one (attribute `{attribute}`)"
            ),
            Self::NumberAsVersion { attribute } => write!(
                f,
                "a version given as a number counts even where its fraction begins with 0 or it has more than 15 \
                 digits (attribute `{attribute}`)"
            ),
            Self::TargetingKey => f.write_str(
                "where `targetingKey` is missing, `user_key` or `user_id` stands in for it",
            ),
            Self::Disabled { variation } => write!(
                f,
                "flagd leaves the value of a disabled flag to the caller, here it is variation `{variation}`"
            ),
            Self::Ignored { field } => write!(f, "field `{field}` is ignored"),
        }
    }
}

/// Why targeting cannot be kept exactly, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("targeting{place}: {reason}")]
pub(crate) struct Refusal {
    /// A JSON pointer into the targeting, with evaluators put in.
    pub(crate) place: String,
    /// Why.
    pub(crate) reason: Reason,
}

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("`{0}` has no exact counterpart")]
    Operator(String),
    #[error("`fractional` puts users into buckets by another hash, so they would change places")]
    Fractional,
    #[error(
        "evaluator `{0}` is not defined, is defined before the evaluator that uses it, or has `$$`, `$&`, `` $` `` or \
         `$'` in it"
    )]
    Evaluator(String),
    #[error("an expression has one operator, this has {0}")]
    Operators(usize),
    #[error("`{operator}` takes {expected} here")]
    Arguments { operator: String, expected: &'static str },
    #[error("flagd answers this with an error for everyone")]
    AlwaysError,
    #[error("there is no variant `{0}`")]
    Variant(String),
    #[error("{0} cannot name a variant here")]
    Result(&'static str),
    #[error("{0} cannot be compared here, only an attribute with a constant")]
    Operand(&'static str),
    #[error("attribute path `{0}` means something else here")]
    Path(String),
    #[error("`{0}` stands in for a missing targeting key here, and the other way round")]
    Identity(String),
    #[error("a missing attribute and one that is null, or lies in no object, are told apart")]
    Absence,
    #[error("number {0} is too large to be compared exactly")]
    Number(String),
    #[error("a text of this length or with these characters cannot be compared in order")]
    Order,
    #[error("a text of more than {most} characters cannot be searched for an attribute")]
    Haystack { most: usize },
    #[error("version `{0}` cannot be compared exactly")]
    Version(String),
}

/// How flagd's engine runs an expression: most are compiled, but an `if` without an else branch, and all within it,
/// is interpreted, with other results for a few odd values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Compiled,
    Interpreted,
}

/// Where a translation stands.
#[derive(Debug, Clone)]
struct Scope<'a> {
    flag: &'a str,
    variants: &'a [String],
    mode: Mode,
    place: String,
    notes: &'a RefCell<BTreeSet<Note>>,
}

impl Scope<'_> {
    fn field(&self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { place: format!("{}/{name}", self.place), ..self.clone() }
    }

    fn index(&self, index: usize) -> Self {
        Self { place: format!("{}/{index}", self.place), ..self.clone() }
    }

    fn interpreted(&self) -> Self {
        Self { mode: Mode::Interpreted, ..self.clone() }
    }

    fn refuse<T>(&self, reason: Reason) -> Result<T, Refusal> {
        Err(Refusal { place: self.place.clone(), reason })
    }

    fn note(&self, note: Note) {
        self.notes.borrow_mut().insert(note);
    }
}

/// The operator of an expression and its arguments; `None` for a constant that is no list.
fn call<'v>(
    expression: &'v Value,
    scope: &Scope<'_>,
) -> Result<Option<(&'v str, &'v Value)>, Refusal> {
    match expression {
        Value::Object(fields) if fields.len() > 1 => scope.refuse(Reason::Operators(fields.len())),
        Value::Object(fields) => {
            Ok(fields.iter().next().map(|(name, value)| (name.as_str(), value)))
        }
        _ => Ok(None),
    }
}

/// The arguments of an operator as a list of a fixed length.
fn arguments<'v, const N: usize>(
    operator: &str,
    arguments: &'v Value,
    expected: &'static str,
    scope: &Scope<'_>,
) -> Result<&'v [Value; N], Refusal> {
    match arguments.as_array().and_then(|items| items.as_slice().try_into().ok()) {
        Some(items) => Ok(items),
        None => scope.refuse(Reason::Arguments { operator: operator.to_owned(), expected }),
    }
}

/// Translates the targeting of a flag, its evaluators already put in.
pub(crate) fn translate(
    flag: &str,
    targeting: &Value,
    variants: &[String],
    default: &str,
) -> Result<Translated, Refusal> {
    let notes = RefCell::new(BTreeSet::new());
    if !has_targeting(targeting) {
        return Ok(Translated { rules: Vec::new(), notes: BTreeSet::new() });
    }
    let scope = Scope { flag, variants, mode: Mode::Compiled, place: String::new(), notes: &notes };
    let mut named = tree::result(targeting, &scope)?.rules()?;
    if named.is_empty() {
        // Without a rule the reason would be STATIC, and flagd says DEFAULT.
        let never = ff_evaluator::Condition::Or { or: Vec::new() };
        named.push((Cond::When(never), default.to_owned()));
    }
    let rules = named
        .into_iter()
        .map(|(condition, variation)| Rule {
            id: String::new(),
            name: None,
            condition: match condition {
                Cond::When(condition) => Some(condition),
                Cond::Always | Cond::Never => None,
            },
            then: Outcome::Variation(variation),
        })
        .collect();
    Ok(Translated { rules, notes: notes.into_inner() })
}

/// What flagd takes for no targeting at all: nothing, and everything without a part.
fn has_targeting(targeting: &Value) -> bool {
    match targeting {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests;
