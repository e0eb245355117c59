//! What stands on the sides of an operator: an attribute, a constant, or the answer of another operator.

use serde_json::Value;

use super::condition::Cond;
use super::constant::constant;
use super::{Mode, Note, Reason, Refusal, Scope, call, holds};

/// One side of an operator.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// The same for everyone, and known to flagd's engine while it compiles.
    Constant(Value),
    /// The same for everyone, but looked up like an attribute.
    Known(Value),
    Attribute(Attribute),
    /// Different values, each with the condition for it.
    Cases(Vec<(Cond, Value)>),
}

/// An attribute that an expression names.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    /// As our rules name it.
    pub(super) path: String,
    /// How many names deep.
    depth: usize,
    /// What stands in for it where it is missing.
    default: Value,
    mode: Mode,
}

/// Members that every value, text or list has in JavaScript. Behind one of them lies something that is no attribute.
const MEMBERS: &[&str] = &[
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "anchor",
    "at",
    "big",
    "blink",
    "bold",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "concat",
    "constructor",
    "copyWithin",
    "endsWith",
    "entries",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "fixed",
    "flat",
    "flatMap",
    "fontcolor",
    "fontsize",
    "forEach",
    "hasOwnProperty",
    "includes",
    "indexOf",
    "isPrototypeOf",
    "isWellFormed",
    "italics",
    "join",
    "keys",
    "lastIndexOf",
    "length",
    "link",
    "localeCompare",
    "map",
    "match",
    "matchAll",
    "normalize",
    "padEnd",
    "padStart",
    "pop",
    "propertyIsEnumerable",
    "push",
    "reduce",
    "reduceRight",
    "repeat",
    "replace",
    "replaceAll",
    "reverse",
    "search",
    "shift",
    "slice",
    "small",
    "some",
    "sort",
    "splice",
    "split",
    "startsWith",
    "strike",
    "sub",
    "substr",
    "substring",
    "sup",
    "toExponential",
    "toFixed",
    "toLocaleLowerCase",
    "toLocaleString",
    "toLocaleUpperCase",
    "toLowerCase",
    "toPrecision",
    "toReversed",
    "toSorted",
    "toSpliced",
    "toString",
    "toUpperCase",
    "toWellFormed",
    "trim",
    "trimEnd",
    "trimLeft",
    "trimRight",
    "trimStart",
    "unshift",
    "valueOf",
    "values",
    "with",
];

/// Reads one side of an operator.
pub(super) fn operand(expression: &Value, scope: &Scope<'_>) -> Result<Operand, Refusal> {
    if let Some(value) = constant(expression, scope)? {
        return Ok(Operand::Constant(value));
    }
    match call(expression, scope)? {
        None => scope.refuse(Reason::Operand("a list with attributes")),
        Some(("var", arguments)) => variable(arguments, &scope.field("var")),
        Some(_) => holds::cases(expression, scope).map(Operand::Cases),
    }
}

fn variable(arguments: &Value, scope: &Scope<'_>) -> Result<Operand, Refusal> {
    let (name, default) = match arguments {
        Value::Array(items) => match items.as_slice() {
            [name] => (name, None),
            [name, default] => (name, Some(default)),
            _ => return refuse_arguments(scope),
        },
        name => (name, None),
    };
    let Some(name) = name.as_str() else { return refuse_arguments(scope) };
    let names: Vec<&str> = name.split('.').collect();
    if names[0] == "$flagd" {
        return match names.as_slice() {
            ["$flagd", "flagKey"] => Ok(Operand::Known(Value::from(scope.flag))),
            _ => scope.refuse(Reason::Path(name.to_owned())),
        };
    }
    let odd = names.iter().enumerate().any(|(index, part)| {
        let last = index + 1 == names.len();
        let index_or_size =
            index > 0 && (*part == "length" || part.bytes().all(|byte| byte.is_ascii_digit()));
        part.is_empty()
            || *part == "__proto__"
            || index_or_size
            || (!last && MEMBERS.contains(part))
    });
    if odd || name.contains(['\\', '/']) && name.contains("../") || name.contains('\\') {
        return scope.refuse(Reason::Path(name.to_owned()));
    }
    match names[0] {
        "targetingKey" => scope.note(Note::TargetingKey),
        "user_key" | "user_id" => return scope.refuse(Reason::Identity(name.to_owned())),
        _ => {}
    }
    let default = match default {
        None => Value::Null,
        Some(default) => match constant(default, &scope.index(1))? {
            Some(value) if !super::javascript::is_nested(&value) => value,
            _ => return refuse_arguments(scope),
        },
    };
    let escaped = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let path = match names.as_slice() {
        [name] if !name.starts_with('/') => (*name).to_owned(),
        names => names.iter().map(|name| escaped(name)).collect(),
    };
    Ok(Operand::Attribute(Attribute { path, depth: names.len(), default, mode: scope.mode }))
}

fn refuse_arguments<T>(scope: &Scope<'_>) -> Result<T, Refusal> {
    let expected = "a name, and at most one plain value for where it is missing,";
    scope.refuse(Reason::Arguments { operator: "var".to_owned(), expected })
}

impl Attribute {
    /// What comes out where there is no value, given what comes out for each value. `None` where flagd has no answer.
    pub(super) fn absent(
        &self,
        answer: impl Fn(&Value) -> Option<bool>,
        scope: &Scope<'_>,
    ) -> Result<Option<bool>, Refusal> {
        let mut looked_at = vec![self.default.clone()];
        if self.mode == Mode::Interpreted {
            // There, `null` is a value of its own beside a default, and of a path with two or three names a part that
            // is no object but false, 0 or empty is the value.
            looked_at.push(Value::Null);
            if self.default.is_null() && (2..=3).contains(&self.depth) {
                looked_at.extend([Value::from(false), Value::from(0), Value::from("")]);
            }
        }
        let mut answers = looked_at.iter().filter_map(answer);
        let first = answers.next();
        if answers.any(|other| Some(other) != first) {
            return scope.refuse(Reason::Absence);
        }
        Ok(first)
    }
}
