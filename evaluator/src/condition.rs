//! Conditions, compiled: attributes taken apart, values parsed, other flags and segments as numbers.

use serde_json::Value;

use crate::attribute::Attribute;
use crate::model::{Condition, Operator, Test};
use crate::names::{FlagSlot, Links, SegmentSlot};
use crate::operators::clock::ClockTest;
use crate::operators::{Given, ValueTest};
use crate::problem::{Place, ProblemKind, Problems};

/// A condition, compiled.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are tests, and lie in a row for the search"
)]
pub(crate) enum Node {
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    Test(CompiledTest),
}

/// A test, compiled, and as it was written, for explanations.
#[derive(Debug)]
pub(crate) struct CompiledTest {
    pub(crate) check: Check,
    pub(crate) source: Box<Test>,
}

/// What a test looks at.
#[derive(Debug)]
pub(crate) enum Check {
    /// The most frequent tests, `eq` with a text and `in` with a few, by themselves.
    Text {
        attribute: Attribute,
        texts: Box<[Box<str>]>,
    },
    Value {
        attribute: Attribute,
        test: ValueTest,
    },
    Exists {
        attribute: Attribute,
        wanted: bool,
    },
    Segments {
        segments: Box<[SegmentSlot]>,
        wanted: bool,
    },
    Flag {
        flag: FlagSlot,
        variations: Box<[Box<str>]>,
    },
    Clock(ClockTest),
}

impl Check {
    /// The attribute whose value is looked at.
    #[inline]
    pub(crate) fn attribute(&self) -> Option<&Attribute> {
        match self {
            Self::Text { attribute, .. }
            | Self::Value { attribute, .. }
            | Self::Exists { attribute, .. } => Some(attribute),
            Self::Segments { .. } | Self::Flag { .. } | Self::Clock(_) => None,
        }
    }
}

/// What compiling an object reads and writes beside the object.
#[derive(Default)]
pub(crate) struct Compiler {
    pub(crate) links: Links,
    pub(crate) problems: Problems,
    /// The other objects that this one refers to.
    pub(crate) flags: Vec<FlagSlot>,
    pub(crate) segments: Vec<SegmentSlot>,
}

impl Compiler {
    pub(crate) fn with_links(links: Links) -> Self {
        Self { links, ..Self::default() }
    }

    pub(crate) fn flag(&mut self, key: &str) -> FlagSlot {
        let slot = self.links.flag(key);
        self.flags.push(slot);
        slot
    }

    fn segment(&mut self, key: &str) -> SegmentSlot {
        let slot = self.links.segment(key);
        self.segments.push(slot);
        slot
    }

    /// Compiles a condition; `None` means that a problem was reported.
    pub(crate) fn condition(&mut self, condition: &Condition, place: &Place<'_>) -> Option<Node> {
        self.nested(condition, place, 1)
    }

    fn nested(&mut self, condition: &Condition, place: &Place<'_>, depth: usize) -> Option<Node> {
        if depth > Condition::MAX_DEPTH {
            self.problems.report(place, ProblemKind::TooDeep);
            return None;
        }
        Some(match condition {
            Condition::And { and } => Node::And(self.parts(and, &place.field("and"), depth)?),
            Condition::Or { or } => Node::Or(self.parts(or, &place.field("or"), depth)?),
            Condition::Not { not } => {
                Node::Not(Box::new(self.nested(not, &place.field("not"), depth + 1)?))
            }
            Condition::Test(test) => {
                let check = self.test(test, place)?;
                Node::Test(CompiledTest { check, source: Box::new(test.clone()) })
            }
        })
    }

    fn parts(
        &mut self,
        parts: &[Condition],
        place: &Place<'_>,
        depth: usize,
    ) -> Option<Box<[Node]>> {
        let compiled: Vec<Node> = parts
            .iter()
            .enumerate()
            .filter_map(|(index, part)| self.nested(part, &place.index(index), depth + 1))
            .collect();
        (compiled.len() == parts.len()).then(|| compiled.into())
    }

    fn test(&mut self, test: &Test, place: &Place<'_>) -> Option<Check> {
        let operator = test.operator;
        let before = self.problems.0.len();
        let attribute = self.attribute(test, place);
        let value = test.value.as_ref().filter(|value| !value.is_null());
        let needs_value = !matches!(operator, Operator::Exists | Operator::NotExists);
        match value {
            None if needs_value => {
                self.problems.report(&place.field("value"), ProblemKind::MissingValue { operator });
            }
            Some(_) if !needs_value => {
                let kind = ProblemKind::SuperfluousValue { operator };
                self.problems.report(&place.field("value"), kind);
            }
            _ => {}
        }
        if test.ignore_case && !can_ignore_case(test) {
            self.problems.report(&place.field("ignore_case"), ProblemKind::IgnoreCase);
        }
        let check = match (operator, value) {
            (Operator::Exists | Operator::NotExists, _) => {
                let wanted = operator == Operator::Exists;
                attribute.map(|attribute| Check::Exists { attribute, wanted })
            }
            (_, None) => None,
            (operator, Some(value)) => {
                let at = place.field("value");
                let problems = &mut self.problems;
                let mut given = Given { operator, value, place: &at, problems };
                match operator {
                    Operator::InSegment | Operator::NotInSegment => {
                        let keys = given.texts()?;
                        let segments = keys.iter().map(|key| self.segment(key)).collect();
                        Some(Check::Segments { segments, wanted: operator == Operator::InSegment })
                    }
                    Operator::FlagIs => {
                        let keys = given.texts()?;
                        let flag = self.flag(test.attribute.as_deref()?);
                        let variations = keys.iter().map(|key| (*key).into()).collect();
                        Some(Check::Flag { flag, variations })
                    }
                    Operator::Eq | Operator::In if let Some(texts) = few_texts(test) => {
                        attribute.map(|attribute| Check::Text { attribute, texts })
                    }
                    Operator::TimeOfDay => ClockTest::time_of_day(&mut given).map(Check::Clock),
                    Operator::Weekday => ClockTest::weekday(&mut given).map(Check::Clock),
                    _ => ValueTest::compile(test, value, place, problems)
                        .zip(attribute)
                        .map(|(test, attribute)| Check::Value { attribute, test }),
                }
            }
        };
        check.filter(|_| self.problems.0.len() == before)
    }

    fn attribute(&mut self, test: &Test, place: &Place<'_>) -> Option<Attribute> {
        let operator = test.operator;
        let takes_none = matches!(
            operator,
            Operator::InSegment | Operator::NotInSegment | Operator::TimeOfDay | Operator::Weekday
        );
        let attribute = test.attribute.as_deref().and_then(Attribute::parse);
        if takes_none && test.attribute.is_some() {
            let kind = ProblemKind::SuperfluousAttribute { operator };
            self.problems.report(&place.field("attribute"), kind);
        }
        if !takes_none && attribute.is_none() {
            let kind = ProblemKind::MissingAttribute { operator };
            self.problems.report(&place.field("attribute"), kind);
        }
        attribute
    }
}

/// The texts of an `eq` or an `in` that compares with a few of them as they are.
fn few_texts(test: &Test) -> Option<Box<[Box<str>]>> {
    const FEW: usize = 8;
    let values = match (test.operator, test.value.as_ref()?) {
        (Operator::Eq, value) => std::slice::from_ref(value),
        (Operator::In, Value::Array(values)) => values.as_slice(),
        _ => return None,
    };
    if test.ignore_case || values.is_empty() || values.len() > FEW {
        return None;
    }
    values.iter().map(|value| value.as_str().map(Into::into)).collect()
}

fn can_ignore_case(test: &Test) -> bool {
    let text = match &test.value {
        Some(Value::Array(items)) => items.iter().all(Value::is_string),
        Some(value) => value.is_string(),
        None => true,
    };
    let operator = matches!(
        test.operator,
        Operator::Eq
            | Operator::Neq
            | Operator::In
            | Operator::NotIn
            | Operator::Contains
            | Operator::StartsWith
            | Operator::EndsWith
            | Operator::Matches
    );
    // A single value is compared as it is: a list of texts is no text.
    let single = matches!(test.operator, Operator::Eq | Operator::Neq);
    operator && text && !(single && test.value.as_ref().is_some_and(Value::is_array))
}
