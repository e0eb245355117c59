//! Lists of values: `eq`, `neq`, `in`, `not_in`, `any_of`, `all_of` and `none_of`.

use rustc_hash::FxHashSet;
use serde_json::Value;

use super::text::{compare_folded, fold};
use crate::number::{Number, same};
use crate::short::same_text;

/// From this length on, hashing a value is cheaper than comparing it with each.
const MANY: usize = 9;

/// Which elements of an array must be in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// At least one is.
    Any,
    /// The array has every value of the list.
    All,
    /// None is.
    None,
}

/// Values, sorted by type so that a look-up compares with its own type only.
#[derive(Debug, Default)]
pub(crate) struct List {
    texts: Texts,
    integers: Integers,
    /// Everything else, and numbers with a fraction.
    others: Box<[Value]>,
    /// The whole list in its own order.
    all: Box<[Value]>,
}

#[derive(Debug, Default)]
enum Texts {
    #[default]
    None,
    Few(Box<[Box<str>]>),
    Many(FxHashSet<Box<str>>),
    /// In lower case and sorted, to be searched without writing the other side in lower case first.
    Folded(Box<[Box<str>]>),
}

#[derive(Debug, Default)]
enum Integers {
    #[default]
    None,
    Few(Box<[i128]>),
    Many(FxHashSet<i128>),
}

impl List {
    pub(crate) fn new(values: &[Value], folded: bool) -> Self {
        let (mut texts, mut integers, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            match (value, Number::of_value(value)) {
                (Value::String(text), _) => texts.push(text.as_str()),
                (_, Some(Number::Integer(integer))) => integers.push(integer),
                _ => others.push(value.clone()),
            }
        }
        Self {
            texts: Texts::new(&texts, folded),
            integers: match integers.len() {
                0 => Integers::None,
                1..MANY => Integers::Few(integers.into()),
                _ => Integers::Many(integers.into_iter().collect()),
            },
            others: others.into(),
            all: values.into(),
        }
    }

    /// Whether a value is in the list.
    #[inline]
    pub(crate) fn has(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.texts.have(text),
            Value::Number(number) => match Number::of(number) {
                Number::Integer(integer) => self.integers.have(integer),
                Number::Float(_) => self.others.iter().any(|other| same(other, value)),
            },
            _ => self.others.iter().any(|other| same(other, value)),
        }
    }

    /// Whether the elements of an array are in the list as asked.
    pub(crate) fn among(&self, items: &[Value], quantifier: Quantifier) -> bool {
        match quantifier {
            Quantifier::Any => items.iter().any(|item| self.has(item)),
            Quantifier::None => !items.iter().any(|item| self.has(item)),
            Quantifier::All => {
                self.all.iter().all(|wanted| items.iter().any(|item| same(item, wanted)))
            }
        }
    }
}

impl Texts {
    fn new(texts: &[&str], folded: bool) -> Self {
        match texts.len() {
            0 => Self::None,
            _ if folded => {
                let mut texts: Vec<Box<str>> = texts.iter().map(|text| fold(text)).collect();
                texts.sort_unstable();
                Self::Folded(texts.into())
            }
            1..MANY => Self::Few(texts.iter().map(|text| (*text).into()).collect()),
            _ => Self::Many(texts.iter().map(|text| (*text).into()).collect()),
        }
    }

    #[inline]
    fn have(&self, text: &str) -> bool {
        match self {
            Self::None => false,
            Self::Few(texts) => texts.iter().any(|one| same_text(one, text)),
            Self::Many(texts) => texts.contains(text),
            Self::Folded(texts) => {
                texts.binary_search_by(|one| compare_folded(text, one).reverse()).is_ok()
            }
        }
    }
}

impl Integers {
    #[inline]
    fn have(&self, integer: i128) -> bool {
        match self {
            Self::None => false,
            Self::Few(integers) => integers.contains(&integer),
            Self::Many(integers) => integers.contains(&integer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(values: &Value, folded: bool) -> List {
        List::new(values.as_array().unwrap(), folded)
    }

    #[test]
    fn every_type_is_found_by_value() {
        let values = json!(["a", 1, 2.5, true, null, {"k": [1]}, 1e300]);
        let few = list(&values, false);
        for value in
            [json!("a"), json!(1.0), json!(2.5), json!(true), json!({"k": [1.0]}), json!(1e300)]
        {
            assert!(few.has(&value), "{value}");
        }
        for value in [json!("A"), json!("1"), json!(2), json!(false), json!({"k": [2]}), json!([])]
        {
            assert!(!few.has(&value), "{value}");
        }
    }

    #[test]
    fn long_lists_answer_like_short_ones() {
        let long: Value = (0..50).flat_map(|n| [json!(n), json!(format!("Text-{n}"))]).collect();
        for folded in [false, true] {
            let long = list(&long, folded);
            assert!(long.has(&json!(49)) && long.has(&json!("Text-49")));
            assert!(!long.has(&json!(50)) && !long.has(&json!("Text-50")));
            assert_eq!(long.has(&json!("tEXT-7")), folded);
        }
    }

    #[test]
    fn elements_are_quantified() {
        let list = list(&json!(["a", 1]), false);
        let among = |items: Value, quantifier| list.among(items.as_array().unwrap(), quantifier);
        assert!(among(json!(["x", 1.0]), Quantifier::Any));
        assert!(!among(json!([]), Quantifier::Any));
        assert!(among(json!([1, "a", "b"]), Quantifier::All));
        assert!(!among(json!(["a"]), Quantifier::All));
        assert!(among(json!([]), Quantifier::None));
        assert!(!among(json!(["a"]), Quantifier::None));
    }
}
