//! Operators that order: `gt`, `gte`, `lt` and `lte` on numbers, and `size` on the lengths of arrays.

use std::cmp::Ordering;

use serde_json::Value;

use super::Given;
use crate::number::Number;
use crate::problem::ProblemKind;

/// Which orders of an attribute and a rule's value hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    #[inline]
    pub(crate) fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            _ => return None,
        })
    }
}

/// A number compared with a number.
#[derive(Debug)]
pub(crate) struct NumberTest {
    comparison: Comparison,
    bound: Number,
}

impl NumberTest {
    pub(crate) fn compile(given: &mut Given<'_, '_>, comparison: Comparison) -> Option<Self> {
        match Number::of_value(given.value) {
            Some(bound) => Some(Self { comparison, bound }),
            None => given.mismatch("a number"),
        }
    }

    #[inline]
    pub(crate) fn holds(&self, value: &Value) -> bool {
        Number::of_value(value)
            .and_then(|number| number.compare(self.bound))
            .is_some_and(|order| self.comparison.admits(order))
    }
}

/// The length of an array compared with numbers; all must hold.
#[derive(Debug)]
pub(crate) struct SizeTest(Box<[(Comparison, u64)]>);

impl SizeTest {
    pub(crate) fn compile(given: &mut Given<'_, '_>) -> Option<Self> {
        const EXPECTED: &str =
            "a length, or an object with some of `eq`, `gt`, `gte`, `lt` and `lte`";
        const LENGTH: &str = "a length, an integer from 0";
        let Value::Object(fields) = given.value else {
            return match length(given.value) {
                Some(length) => Some(Self([(Comparison::Equal, length)].into())),
                None if given.value.is_number() => given.mismatch(LENGTH),
                None => given.mismatch(EXPECTED),
            };
        };
        let mut bounds = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let place = given.place.field(name);
            match (Comparison::named(name), length(value)) {
                (Some(comparison), Some(length)) => bounds.push((comparison, length)),
                (Some(_), None) => given.wrong_shape(&place, LENGTH, value),
                (None, _) => {
                    let operator = given.operator;
                    let kind = ProblemKind::ValueFields { operator, expected: EXPECTED };
                    given.problems.report(&place, kind);
                }
            }
        }
        if fields.is_empty() {
            let operator = given.operator;
            let kind = ProblemKind::ValueFields { operator, expected: EXPECTED };
            given.problems.report(given.place, kind);
        }
        (!bounds.is_empty() && bounds.len() == fields.len()).then(|| Self(bounds.into()))
    }

    pub(crate) fn holds(&self, length: usize) -> bool {
        let length = length as u64;
        self.0.iter().all(|(comparison, bound)| comparison.admits(length.cmp(bound)))
    }
}

fn length(value: &Value) -> Option<u64> {
    match Number::of_value(value)? {
        Number::Integer(integer) => u64::try_from(integer).ok(),
        Number::Float(_) => None,
    }
}
