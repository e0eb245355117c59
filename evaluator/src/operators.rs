//! What each operator means for an attribute's value. The operators without an attribute's value (segments, flags,
//! the clock) are in `condition` and in `operators::clock`.
//!
//! Types are never coerced. A value of a type that an operator does not compare makes it false; only `neq` and
//! `not_in` are true then, because a value of another type is another value.

pub(crate) mod clock;
mod instant;
mod list;
mod network;
mod order;
mod text;
mod version;

use jiff::Timestamp;
use serde_json::Value;

use crate::context::type_name;
use crate::model::{Operator, Test};
use crate::problem::{Place, ProblemKind, Problems};

use instant::InstantTest;
use list::{List, Quantifier};
use network::Networks;
use order::{Comparison, NumberTest, SizeTest};
use text::TextTest;
use version::VersionTest;

/// What a value is compared with, and how.
#[derive(Debug)]
pub(crate) enum ValueTest {
    OneOf { list: List, wanted: bool },
    Elements { list: List, quantifier: Quantifier },
    Size(SizeTest),
    Text(TextTest),
    Number(NumberTest),
    Instant(InstantTest),
    Version(VersionTest),
    Network(Networks),
}

impl ValueTest {
    /// Whether a value that is there and not null passes.
    #[inline]
    pub(crate) fn holds(&self, value: &Value, now: Timestamp) -> bool {
        match self {
            Self::OneOf { list, wanted } => list.has(value) == *wanted,
            Self::Text(test) => value.as_str().is_some_and(|text| test.holds(text)),
            Self::Number(test) => test.holds(value),
            Self::Instant(test) => value.as_str().is_some_and(|text| test.holds(text, now)),
            Self::Version(test) => value.as_str().is_some_and(|text| test.holds(text)),
            Self::Network(networks) => value.as_str().is_some_and(|text| networks.have(text)),
            Self::Elements { list, quantifier } => {
                value.as_array().is_some_and(|items| list.among(items, *quantifier))
            }
            Self::Size(test) => value.as_array().is_some_and(|items| test.holds(items.len())),
        }
    }

    /// Reads the value a test compares with. Must only be asked for operators that compare an attribute's value.
    pub(crate) fn compile(
        test: &Test,
        value: &Value,
        place: &Place<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let at = place.field("value");
        let mut given = Given { operator: test.operator, value, place: &at, problems };
        let fold = test.ignore_case;
        Some(match test.operator {
            Operator::Eq | Operator::Neq => {
                let list = List::new(std::slice::from_ref(value), fold);
                Self::OneOf { list, wanted: test.operator == Operator::Eq }
            }
            Operator::In | Operator::NotIn => {
                let list = List::new(given.list()?, fold);
                Self::OneOf { list, wanted: test.operator == Operator::In }
            }
            Operator::AnyOf => Self::elements(&mut given, Quantifier::Any)?,
            Operator::AllOf => Self::elements(&mut given, Quantifier::All)?,
            Operator::NoneOf => Self::elements(&mut given, Quantifier::None)?,
            Operator::Size => Self::Size(SizeTest::compile(&mut given)?),
            Operator::Contains => Self::Text(TextTest::contains(&given.texts()?, fold)),
            Operator::StartsWith => Self::Text(TextTest::starts_with(&given.texts()?, fold)),
            Operator::EndsWith => Self::Text(TextTest::ends_with(&given.texts()?, fold)),
            Operator::Matches => Self::Text(TextTest::matches(&mut given, fold)?),
            Operator::Gt => Self::number(&mut given, Comparison::Greater)?,
            Operator::Gte => Self::number(&mut given, Comparison::GreaterOrEqual)?,
            Operator::Lt => Self::number(&mut given, Comparison::Less)?,
            Operator::Lte => Self::number(&mut given, Comparison::LessOrEqual)?,
            Operator::Before => Self::Instant(InstantTest::compile(&mut given, Comparison::Less)?),
            Operator::After => {
                Self::Instant(InstantTest::compile(&mut given, Comparison::Greater)?)
            }
            Operator::SemverEq => Self::version(&mut given, Comparison::Equal)?,
            Operator::SemverGt => Self::version(&mut given, Comparison::Greater)?,
            Operator::SemverGte => Self::version(&mut given, Comparison::GreaterOrEqual)?,
            Operator::SemverLt => Self::version(&mut given, Comparison::Less)?,
            Operator::SemverLte => Self::version(&mut given, Comparison::LessOrEqual)?,
            Operator::SemverRange => Self::Version(VersionTest::range(&mut given)?),
            Operator::InCidr => Self::Network(Networks::compile(&mut given)?),
            Operator::Exists
            | Operator::NotExists
            | Operator::InSegment
            | Operator::NotInSegment
            | Operator::FlagIs
            | Operator::TimeOfDay
            | Operator::Weekday => return None,
        })
    }

    fn elements(given: &mut Given<'_, '_>, quantifier: Quantifier) -> Option<Self> {
        Some(Self::Elements { list: List::new(given.list()?, false), quantifier })
    }

    fn number(given: &mut Given<'_, '_>, comparison: Comparison) -> Option<Self> {
        NumberTest::compile(given, comparison).map(Self::Number)
    }

    fn version(given: &mut Given<'_, '_>, comparison: Comparison) -> Option<Self> {
        VersionTest::compare(given, comparison).map(Self::Version)
    }
}

/// The value a test was given, and where to report what is wrong with it.
pub(crate) struct Given<'v, 'g> {
    pub(crate) operator: Operator,
    pub(crate) value: &'v Value,
    pub(crate) place: &'g Place<'g>,
    pub(crate) problems: &'g mut Problems,
}

impl<'v> Given<'v, '_> {
    /// Reports that the value, or the part of it at `place`, has the wrong shape.
    pub(crate) fn wrong_shape(&mut self, place: &Place<'_>, expected: &'static str, value: &Value) {
        let (operator, found) = (self.operator, type_name(value));
        self.problems.report(place, ProblemKind::ValueShape { operator, expected, found });
    }

    /// Reports that the value as a whole has the wrong shape.
    pub(crate) fn mismatch<T>(&mut self, expected: &'static str) -> Option<T> {
        self.wrong_shape(self.place, expected, self.value);
        None
    }

    /// The value as a text.
    pub(crate) fn text(&mut self, expected: &'static str) -> Option<&'v str> {
        match self.value {
            Value::String(text) => Some(text),
            _ => self.mismatch(expected),
        }
    }

    /// The value as a list with something in it.
    pub(crate) fn list(&mut self) -> Option<&'v [Value]> {
        match self.value {
            Value::Array(items) if items.is_empty() => {
                self.problems.report(self.place, ProblemKind::EmptyList);
                None
            }
            Value::Array(items) => Some(items),
            _ => self.mismatch("a list"),
        }
    }

    /// The value as a text or a list of texts.
    pub(crate) fn texts(&mut self) -> Option<Vec<&'v str>> {
        self.each_text(Ok)
    }

    /// Reads each text of a text or a list of texts; every one that cannot be read is reported at its place.
    pub(crate) fn each_text<T>(
        &mut self,
        read: impl Fn(&'v str) -> Result<T, ProblemKind>,
    ) -> Option<Vec<T>> {
        const EXPECTED: &str = "a text or a list of texts";
        let items = match self.value {
            Value::String(text) => {
                return self.problems.note(self.place, read(text)).map(|one| vec![one]);
            }
            Value::Array(_) => self.list()?,
            _ => return self.mismatch(EXPECTED),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = self.place.index(index);
            match item {
                Value::String(text) => texts.extend(self.problems.note(&place, read(text))),
                other => self.wrong_shape(&place, EXPECTED, other),
            }
        }
        (texts.len() == items.len()).then_some(texts)
    }
}
