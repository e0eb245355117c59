//! JSON numbers compared by what they are worth, however they are written: `1`, `1.0` and `1e0` are the same, and
//! no comparison goes through a float that cannot hold both sides.

use std::cmp::Ordering;

use serde_json::Value;

/// A number by its worth. A float without a fraction is an integer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Integer(i128),
    /// Has a fraction, or lies beyond every integer of [`Number::Integer`].
    Float(f64),
}

/// Up to here every float without a fraction is kept as an integer; far beyond what JSON integers reach.
const INTEGERS_BELOW: f64 = 1e30;

impl Number {
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "checked to be an integer within range")]
    pub(crate) fn of(number: &serde_json::Number) -> Self {
        if let Some(integer) = number.as_i64() {
            return Self::Integer(integer.into());
        }
        if let Some(integer) = number.as_u64() {
            return Self::Integer(integer.into());
        }
        let float = number.as_f64().unwrap_or(f64::NAN);
        if float.fract() == 0.0 && float.abs() < INTEGERS_BELOW {
            Self::Integer(float as i128)
        } else {
            Self::Float(float)
        }
    }

    #[inline]
    pub(crate) fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Self::of(number)),
            _ => None,
        }
    }

    /// `None` only for what is no number at all, which JSON does not have.
    #[inline]
    #[allow(clippy::cast_precision_loss, reason = "rounding is monotonic, and ties cannot happen")]
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            // A float on one side has a fraction or is larger than any integer here, so the nearest float of the
            // integer is never equal to it and lies on the same side.
            (Self::Integer(left), Self::Float(right)) => (left as f64).partial_cmp(&right),
            (Self::Float(left), Self::Integer(right)) => left.partial_cmp(&(right as f64)),
        }
    }

    #[inline]
    pub(crate) fn equals(self, other: Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

/// Whether two JSON values are the same, numbers by worth, objects without regard to order.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Number::of(left).equals(Number::of(right)),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, l)| right.get(name).is_some_and(|r| same(l, r)))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "so that calls read as what they compare")]
    fn compare(left: Value, right: Value) -> Ordering {
        let number = |value: &Value| Number::of_value(value).unwrap();
        assert_eq!(
            number(&right).compare(number(&left)).map(Ordering::reverse),
            number(&left).compare(number(&right))
        );
        number(&left).compare(number(&right)).unwrap()
    }

    #[test]
    fn numbers_compare_by_worth() {
        assert_eq!(compare(json!(1), json!(1.0)), Ordering::Equal);
        assert_eq!(compare(json!(-0.0), json!(0)), Ordering::Equal);
        assert_eq!(compare(json!(1), json!(1.5)), Ordering::Less);
        assert_eq!(compare(json!(-2), json!(-1.5)), Ordering::Less);
        assert_eq!(compare(json!(u64::MAX), json!(1e300)), Ordering::Less);
        assert_eq!(compare(json!(u64::MAX), json!(i64::MIN)), Ordering::Greater);
        assert_eq!(
            compare(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0)),
            Ordering::Greater
        );
        assert_eq!(compare(json!(1e29), json!(1e300)), Ordering::Less);
    }

    #[test]
    fn values_are_the_same_however_written() {
        assert!(same(
            &json!({"a": [1, {"b": 2.0}], "c": "x"}),
            &json!({"c": "x", "a": [1.0, {"b": 2}]})
        ));
        assert!(!same(&json!([1, 2]), &json!([2, 1])));
        assert!(!same(&json!({"a": null}), &json!({})));
        assert!(!same(&json!("1"), &json!(1)));
        assert!(!same(&json!(1), &json!(true)));
    }
}
