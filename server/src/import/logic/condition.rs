//! Conditions that may turn out to hold always or never.

use ff_evaluator::{Condition, Operator, Test};
use serde_json::{Value, json};

/// Whether something holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cond {
    Always,
    Never,
    When(Condition),
}

impl From<bool> for Cond {
    fn from(holds: bool) -> Self {
        if holds { Self::Always } else { Self::Never }
    }
}

impl Cond {
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, other) | (other, Self::Always) => other,
            (Self::When(left), Self::When(right)) => {
                let mut and = parts(left, |condition| match condition {
                    Condition::And { and } => Ok(and),
                    other => Err(other),
                });
                and.extend(parts(right, |condition| match condition {
                    Condition::And { and } => Ok(and),
                    other => Err(other),
                }));
                Self::When(Condition::And { and })
            }
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Never, other) | (other, Self::Never) => other,
            (Self::When(left), Self::When(right)) => {
                let mut or = parts(left, |condition| match condition {
                    Condition::Or { or } => Ok(or),
                    other => Err(other),
                });
                or.extend(parts(right, |condition| match condition {
                    Condition::Or { or } => Ok(or),
                    other => Err(other),
                }));
                Self::When(Condition::Or { or })
            }
        }
    }

    pub(crate) fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        conditions.into_iter().fold(Self::Never, Self::or)
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::When(Condition::Not { not }) => Self::When(*not),
            Self::When(Condition::Test(test)) => match test.operator {
                Operator::Exists => {
                    Self::When(Condition::Test(Test { operator: Operator::NotExists, ..test }))
                }
                Operator::NotExists => {
                    Self::When(Condition::Test(Test { operator: Operator::Exists, ..test }))
                }
                _ => Self::When(Condition::Not { not: Box::new(Condition::Test(test)) }),
            },
            Self::When(other) => Self::When(Condition::Not { not: Box::new(other) }),
        }
    }
}

fn parts(
    condition: Condition,
    same: impl Fn(Condition) -> Result<Vec<Condition>, Condition>,
) -> Vec<Condition> {
    same(condition).unwrap_or_else(|other| vec![other])
}

/// One attribute compared with a value.
pub(crate) fn test(attribute: &str, operator: Operator, value: impl Into<Value>) -> Cond {
    Cond::When(Condition::Test(Test {
        attribute: Some(attribute.to_owned()),
        operator,
        value: Some(value.into()),
        ignore_case: false,
    }))
}

/// An attribute is not there, or null.
pub(crate) fn missing(attribute: &str) -> Cond {
    Cond::When(Condition::Test(Test {
        attribute: Some(attribute.to_owned()),
        operator: Operator::NotExists,
        value: None,
        ignore_case: false,
    }))
}

/// An attribute is one of these values; `null` among them means that it is not there.
pub(crate) fn one_of(attribute: &str, mut values: Vec<Value>) -> Cond {
    let null = values.iter().any(Value::is_null);
    values.retain(|value| !value.is_null());
    let listed = match values.len() {
        0 => Cond::Never,
        1 => test(attribute, Operator::Eq, values.remove(0)),
        _ => test(attribute, Operator::In, values),
    };
    if null { listed.or(missing(attribute)) } else { listed }
}

/// An attribute is a text.
pub(crate) fn is_text(attribute: &str) -> Cond {
    test(attribute, Operator::StartsWith, "")
}

/// An attribute is something that holds as a condition by itself.
pub(crate) fn is_truthy(attribute: &str) -> Cond {
    test(attribute, Operator::NotIn, json!([false, 0, "", [], {}]))
}
