//! Reads conditions from JSON.
//!
//! Written by hand because the derived reader of an untagged enum buffers its input: its errors name neither the
//! place nor the reason, and nothing bounds how deep conditions nest.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Condition, Operator, Test};

const EXPECTED: &str =
    "a condition is one of `and`, `or`, `not`, or a test with `attribute` and `operator`";

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested { depth: 1 }.deserialize(deserializer)
    }
}

/// Reads a condition that lies `depth` deep, itself included.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl Nested {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Condition;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Condition, D::Error> {
        if self.depth > Condition::MAX_DEPTH {
            return Err(D::Error::custom(format_args!(
                "conditions nest at most {} deep",
                Condition::MAX_DEPTH
            )));
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Condition;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a condition: one of `and`, `or`, `not`, or a test with `attribute` and `operator`",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let mut group: Option<Condition> = None;
        let mut test = PartialTest::default();
        while let Some(field) = map.next_key::<Field>()? {
            let twice = match field {
                Field::And | Field::Or | Field::Not => group.is_some() || test.any(),
                Field::Attribute => group.is_some() || test.attribute.is_some(),
                Field::Operator => group.is_some() || test.operator.is_some(),
                Field::Value => group.is_some() || test.value.is_some(),
                Field::IgnoreCase => group.is_some() || test.ignore_case.is_some(),
            };
            if twice {
                return Err(A::Error::custom(EXPECTED));
            }
            match field {
                Field::And => {
                    group =
                        Some(Condition::And { and: map.next_value_seed(Parts(self.deeper()))? });
                }
                Field::Or => {
                    group = Some(Condition::Or { or: map.next_value_seed(Parts(self.deeper()))? });
                }
                Field::Not => {
                    let not = Box::new(map.next_value_seed(self.deeper())?);
                    group = Some(Condition::Not { not });
                }
                Field::Attribute => test.attribute = Some(map.next_value()?),
                Field::Operator => test.operator = Some(map.next_value()?),
                Field::Value => test.value = Some(map.next_value()?),
                Field::IgnoreCase => test.ignore_case = Some(map.next_value()?),
            }
        }
        match (group, test.operator) {
            (Some(group), _) => Ok(group),
            (None, Some(operator)) => Ok(Condition::Test(Test {
                attribute: test.attribute.flatten(),
                operator,
                value: test.value.flatten(),
                ignore_case: test.ignore_case.unwrap_or_default(),
            })),
            (None, None) => Err(A::Error::custom(EXPECTED)),
        }
    }
}

/// The fields of a test read so far. `null` counts as read: it is the same as leaving the field out.
#[derive(Default)]
struct PartialTest {
    attribute: Option<Option<String>>,
    operator: Option<Operator>,
    value: Option<Option<Value>>,
    ignore_case: Option<bool>,
}

impl PartialTest {
    fn any(&self) -> bool {
        self.attribute.is_some()
            || self.operator.is_some()
            || self.value.is_some()
            || self.ignore_case.is_some()
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    And,
    Or,
    Not,
    Attribute,
    Operator,
    Value,
    IgnoreCase,
}

/// Reads the list of an `and` or an `or`.
struct Parts(Nested);

impl<'de> DeserializeSeed<'de> for Parts {
    type Value = Vec<Condition>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = Vec<Condition>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of conditions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element_seed(self.0)? {
            parts.push(part);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(json: &str) -> (String, String) {
        let mut input = serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, Condition>(&mut input).unwrap_err();
        (error.path().to_string(), error.inner().to_string())
    }

    fn nested(depth: usize) -> String {
        let mut json = r#"{"attribute":"a","operator":"exists"}"#.to_owned();
        for level in 1..depth {
            json = match level % 3 {
                0 => format!(r#"{{"and":[{json}]}}"#),
                1 => format!(r#"{{"or":[{json}]}}"#),
                _ => format!(r#"{{"not":{json}}}"#),
            };
        }
        json
    }

    #[test]
    fn every_form_survives_a_round_trip() {
        let json = json!({"and": [
            {"or": []},
            {"not": {"attribute": "plan", "operator": "eq", "value": "pro", "ignore_case": true}},
            {"operator": "in_segment", "value": ["beta"]},
        ]});
        let condition: Condition = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&condition).unwrap(), json);
    }

    #[test]
    fn an_error_names_its_place() {
        let (path, message) = error(r#"{"and":[{"or":[]},{"not":{"operator":"eqq"}}]}"#);
        assert_eq!(path, "and[1].not.operator");
        assert!(message.starts_with("unknown variant `eqq`"), "{message}");
        let (path, message) = error(r#"{"or":[{"operator":"eq","attribute":"a","values":1}]}"#);
        assert_eq!(path, "or[0].values");
        assert!(message.starts_with("unknown field `values`"), "{message}");
        assert_eq!(error(r#"{"and":{"operator":"eq"}}"#).0, "and");
    }

    #[test]
    fn what_is_no_condition_is_told_what_one_is() {
        for json in [
            "{}",
            r#"{"attribute":"a"}"#,
            r#"{"and":[],"or":[]}"#,
            r#"{"and":[],"operator":"eq"}"#,
            r#"{"operator":"eq","not":{"and":[]}}"#,
            "[]",
            "true",
        ] {
            let (_, message) = error(json);
            assert!(message.contains("one of `and`, `or`, `not`, or a test"), "{json}: {message}");
        }
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        assert!(serde_json::from_str::<Condition>(&nested(Condition::MAX_DEPTH)).is_ok());
        let (path, message) = error(&nested(Condition::MAX_DEPTH + 1));
        assert!(message.starts_with("conditions nest at most 32 deep"), "{message}");
        assert!(path.len() > 60, "{path}");
    }
}
