//! `sem_ver`. flagd reads versions leniently: with a `v` before them, with space around them, with the last numbers
//! left out, and from numbers. Our operators take full versions only, so the other spellings are tests of their own.

use ff_evaluator::Operator as Ours;
use semver::{Prerelease, Version};
use serde_json::Value;

use super::attribute::{Attribute, Operand, operand};
use super::condition::{Cond, missing, test};
use super::javascript::{EXACT_BELOW, is_space, string};
use super::prefix::Answered;
use super::{Note, Reason, Refusal, Scope, arguments, version_number, version_text};

/// The largest number in a version.
pub(super) const NUMBER_MAX: u64 = 9_007_199_254_740_991;

/// Which numbers stand in one place of a version: from, to.
pub(super) type Numbers = (u64, u64);

/// Any number.
pub(super) const ANY: Numbers = (0, NUMBER_MAX);

/// Versions with these numbers and this pre-release.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) major: Numbers,
    pub(super) minor: Numbers,
    pub(super) patch: Numbers,
    pub(super) pre: Pre,
}

/// Which pre-releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pre {
    /// Any, and none.
    Any,
    /// Only the release.
    Release,
    /// Only pre-releases.
    Before,
    /// This one.
    Exactly(String),
}

impl Part {
    /// Whether versions written without the last numbers may be among these.
    pub(super) fn has_short(&self) -> bool {
        self.patch.0 == 0 && matches!(self.pre, Pre::Any | Pre::Release)
    }
}

/// The conditions under which `sem_ver` answers.
pub(super) fn answered(given: &Value, scope: &Scope<'_>) -> Result<Answered, Refusal> {
    let [left, operator, right] = arguments::<3>("sem_ver", given, "three values", scope)?;
    let (left, right) = (operand(left, &scope.index(0))?, operand(right, &scope.index(2))?);
    let operator = match operand(operator, &scope.index(1))? {
        Operand::Constant(value) => string(&value).unwrap_or_default(),
        _ => return scope.refuse(Reason::Operand("an operator that varies")),
    };
    match (&left, &right) {
        (
            Operand::Constant(left) | Operand::Known(left),
            Operand::Constant(right) | Operand::Known(right),
        ) => Ok(compare(left, &operator, right).into()),
        (Operand::Attribute(attribute), Operand::Constant(constant) | Operand::Known(constant)) => {
            with_constant(attribute, &operator, constant, scope)
        }
        (Operand::Constant(constant) | Operand::Known(constant), Operand::Attribute(attribute)) => {
            let swapped = match operator.as_str() {
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                same => same,
            };
            with_constant(attribute, swapped, constant, scope)
        }
        _ => scope.refuse(Reason::Operand("these two")),
    }
}

/// Reads a version as flagd does.
fn version(value: &Value) -> Option<Version> {
    let text = string(value)?;
    let text = text.strip_prefix(['v', 'V']).unwrap_or(&text);
    let full = text.trim_matches(is_space);
    let short = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let read = Version::parse(full.strip_prefix('v').unwrap_or(full)).ok().or_else(|| {
        let dots = text.matches('.').count();
        (short && dots < 2)
            .then(|| Version::parse(&format!("{text}{}", &".0.0"[2 * dots..])).ok())?
    })?;
    [read.major, read.minor, read.patch].iter().all(|number| *number <= NUMBER_MAX).then_some(read)
}

fn compare(left: &Value, operator: &str, right: &Value) -> Option<bool> {
    let (left, right) = (version(left)?, version(right)?);
    let order = left.cmp_precedence(&right);
    Some(match operator {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "^" => left.major == right.major,
        "~" => left.major == right.major && left.minor == right.minor,
        _ => return None,
    })
}

fn with_constant(
    attribute: &Attribute,
    operator: &str,
    constant: &Value,
    scope: &Scope<'_>,
) -> Result<Answered, Refusal> {
    const LOWEST: &str = "0.0.0-0";
    let Some(bound) = version(constant) else { return Ok(None.into()) };
    let path = &attribute.path;
    let refused = || scope.refuse(Reason::Version(bound.to_string()));
    let whole = |operator, version: &str| test(path, operator, version);
    let plain = bound_text(&bound);
    let (parts, full) = match operator {
        "=" | "!=" => (equal(&bound), whole(Ours::SemverEq, &plain)),
        "<" => (below(&bound), whole(Ours::SemverLt, &plain)),
        "<=" => ([below(&bound), equal(&bound)].concat(), whole(Ours::SemverLte, &plain)),
        ">" => (above(&bound), whole(Ours::SemverGt, &plain)),
        ">=" => ([above(&bound), equal(&bound)].concat(), whole(Ours::SemverGte, &plain)),
        "^" | "~" => {
            let one = |number: u64| (number, number);
            let minor = if operator == "~" { one(bound.minor) } else { ANY };
            let part = Part { major: one(bound.major), minor, patch: ANY, pre: Pre::Any };
            let (from, to) = if operator == "~" {
                let (major, minor) = (bound.major, bound.minor);
                (format!("{major}.{minor}.0-0"), format!("{major}.{}.0-0", minor + 1))
            } else {
                (format!("{}.0.0-0", bound.major), format!("{}.0.0-0", bound.major + 1))
            };
            (vec![part], whole(Ours::SemverGte, &from).and(whole(Ours::SemverLt, &to)))
        }
        _ => return Ok(None.into()),
    };
    if !bound.pre.is_empty() && ["<", "<=", ">", ">="].contains(&operator) {
        return refused();
    }
    scope.note(Note::NumberAsVersion { attribute: path.clone() });
    let spelled = |parts: &[Part], full: Cond| {
        let number = version_number::condition(path, parts)?;
        Some(full.or(test(path, Ours::Matches, version_text::expression(parts))).or(number))
    };
    let every = [Part { major: ANY, minor: ANY, patch: ANY, pre: Pre::Any }];
    let (Some(yes), Some(at_all)) =
        (spelled(&parts, full), spelled(&every, whole(Ours::SemverGte, LOWEST)))
    else {
        return refused();
    };
    let yes = if operator == "!=" { at_all.clone().and(yes.not()) } else { yes };
    let answer = |value: &Value| compare(value, operator, constant);
    let answers = attribute.absent(|value| Some(answer(value).is_some()), scope)?;
    let says_yes = attribute.absent(|value| Some(answer(value) == Some(true)), scope)?;
    let when = |absent: Option<bool>, cond: Cond| {
        if absent == Some(true) { cond.or(missing(path)) } else { cond }
    };
    Ok(Answered { at_all: when(answers, at_all), yes: when(says_yes, yes) })
}

/// Without build metadata, which is never looked at.
fn bound_text(bound: &Version) -> String {
    Version { build: semver::BuildMetadata::EMPTY, ..bound.clone() }.to_string()
}

fn equal(bound: &Version) -> Vec<Part> {
    let pre = if bound.pre == Prerelease::EMPTY {
        Pre::Release
    } else {
        Pre::Exactly(bound.pre.to_string())
    };
    let one = |number: u64| (number, number);
    vec![Part { major: one(bound.major), minor: one(bound.minor), patch: one(bound.patch), pre }]
}

/// What comes behind a release.
fn above(bound: &Version) -> Vec<Part> {
    let one = |number: u64| (number, number);
    let behind = |number: u64| (number + 1, NUMBER_MAX);
    let (major, minor, patch) = (bound.major, bound.minor, bound.patch);
    vec![
        Part { major: behind(major), minor: ANY, patch: ANY, pre: Pre::Any },
        Part { major: one(major), minor: behind(minor), patch: ANY, pre: Pre::Any },
        Part { major: one(major), minor: one(minor), patch: behind(patch), pre: Pre::Any },
    ]
}

/// What comes before a release.
fn below(bound: &Version) -> Vec<Part> {
    let one = |number: u64| (number, number);
    let before = |number: u64| number.checked_sub(1).map(|last| (0, last));
    let (major, minor, patch) = (bound.major, bound.minor, bound.patch);
    let part = |major, minor, patch, pre| Part { major, minor, patch, pre };
    [
        before(major).map(|major| part(major, ANY, ANY, Pre::Any)),
        before(minor).map(|minor| part(one(major), minor, ANY, Pre::Any)),
        before(patch).map(|patch| part(one(major), one(minor), patch, Pre::Any)),
        Some(part(one(major), one(minor), one(patch), Pre::Before)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const _: () = assert!(NUMBER_MAX as f64 + 1.0 == EXACT_BELOW);
