//! Reads a file of flagd flag definitions: which flags can be kept exactly, and why others cannot.

use std::collections::BTreeSet;

use ff_domain::flag::{RULES_MAX, VALUE_MAX, VARIATIONS_MAX};
use ff_domain::text::DESCRIPTION_MAX;
use ff_domain::{FlagKey, VariationKey};
use ff_evaluator::{FlagDefinition, Outcome, ValueType, Variation};
use serde_json::{Map, Value};

use super::error::FileError;
use super::logic::{self, Note, Refusal};

/// A file, read.
#[derive(Debug)]
pub(crate) struct Definitions {
    /// Flags that are kept exactly, in the order of the file.
    pub(crate) flags: Vec<Wanted>,
    /// Flags that are not.
    pub(crate) refused: Vec<Refused>,
    /// Fields of the file itself that are left aside.
    pub(crate) ignored: Vec<String>,
}

/// A flag as the file wants it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// What it serves in the environment of the import.
    pub(crate) definition: FlagDefinition,
    /// What it is for, if the file says so.
    pub(crate) description: Option<String>,
    /// What is not kept to the letter.
    pub(crate) notes: BTreeSet<Note>,
}

/// A flag that cannot be kept exactly.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) flag: String,
    pub(crate) reason: Unfit,
}

/// Why a flag is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("its key is none here: {0}")]
    Key(String),
    #[error("variants: key `{key}` is none here: {reason}")]
    VariantKey { key: String, reason: String },
    #[error("variants: a flag has 1 to {VARIATIONS_MAX} of them, this has {0}")]
    Variants(usize),
    #[error("variants: they are of several types ({0} and {1}), a flag has one")]
    Types(&'static str, &'static str),
    #[error("variants/{0}: null is no value")]
    Null(String),
    #[error("variants/{key}: a value has at most {VALUE_MAX} bytes of JSON, this one has {size}")]
    Size { key: String, size: usize },
    #[error("defaultVariant: there is none, so flagd leaves the value to the caller; name one")]
    NoDefault,
    #[error("defaultVariant: there is no variant `{0}`")]
    UnknownDefault(String),
    #[error("description: at most {DESCRIPTION_MAX} characters, these are {0}")]
    Description(usize),
    #[error(transparent)]
    Targeting(#[from] Refusal),
    #[error("{0}")]
    Rules(String),
}

/// Reads the text of a file.
pub(crate) fn read(text: &str) -> Result<Definitions, FileError> {
    let file: Value = serde_json::from_str(text).map_err(FileError::Json)?;
    let file = object(&file, "")?;
    let flags = file.get("flags").ok_or(FileError::NoFlags)?;
    let evaluators = match file.get("$evaluators") {
        None | Some(Value::Null) => Map::new(),
        Some(evaluators) => object(evaluators, "/$evaluators")?.clone(),
    };
    let known = ["flags", "$evaluators", "$schema", "metadata"];
    let ignored = file.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
    let mut definitions = Definitions { flags: Vec::new(), refused: Vec::new(), ignored };
    for (key, flag) in object(flags, "/flags")? {
        let place = format!("/flags/{}", escaped(key));
        let flag = Source::read(object(flag, &place)?, &place, &evaluators)?;
        match flag.wanted(key) {
            Ok(wanted) => definitions.flags.push(wanted),
            Err(reason) => definitions.refused.push(Refused { flag: key.clone(), reason }),
        }
    }
    Ok(definitions)
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, FileError> {
    value.as_object().ok_or_else(|| shape(place, "an object"))
}

fn shape(place: &str, expected: &'static str) -> FileError {
    FileError::Shape { place: place.to_owned(), expected }
}

/// A flag as it stands in the file.
struct Source {
    enabled: bool,
    variants: Map<String, Value>,
    default: Option<String>,
    targeting: Value,
    description: Option<String>,
    ignored: Vec<String>,
}

impl Source {
    fn read(
        flag: &Map<String, Value>,
        place: &str,
        evaluators: &Map<String, Value>,
    ) -> Result<Self, FileError> {
        let at = |name: &str| format!("{place}/{name}");
        let text = |name: &str, expected| match flag.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(shape(&at(name), expected)),
        };
        let enabled = match flag.get("state").and_then(Value::as_str) {
            Some("ENABLED") => true,
            Some("DISABLED") => false,
            _ => return Err(shape(&at("state"), "`ENABLED` or `DISABLED`")),
        };
        let variants = flag.get("variants").unwrap_or(&Value::Null);
        let known = ["state", "variants", "defaultVariant", "targeting", "description", "metadata"];
        let mut targeting = flag.get("targeting").cloned().unwrap_or(Value::Null);
        // In the order of the file, and what is put in is searched for the evaluators behind it only, as flagd does.
        for (name, evaluator) in evaluators {
            let text = evaluator.to_string();
            // It puts them in as text, where these have a meaning of their own.
            if !["$$", "$&", "$`", "$'"].iter().any(|pattern| text.contains(pattern)) {
                put_in(&mut targeting, name, evaluator);
            }
        }
        Ok(Self {
            enabled,
            variants: object(variants, &at("variants"))?.clone(),
            default: text("defaultVariant", "the name of a variant")?
                .filter(|name| !name.is_empty()),
            targeting,
            description: text("description", "a text")?,
            ignored: flag.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect(),
        })
    }

    fn wanted(self, key: &str) -> Result<Wanted, Unfit> {
        FlagKey::parse(key).map_err(|error| Unfit::Key(error.to_string()))?;
        let (kind, variations) = variations(&self.variants)?;
        let names: Vec<String> = self.variants.keys().cloned().collect();
        let default = self.default.ok_or(Unfit::NoDefault)?;
        if !names.contains(&default) {
            return Err(Unfit::UnknownDefault(default));
        }
        if let Some(length) = self.description.as_ref().map(|text| text.chars().count())
            && length > DESCRIPTION_MAX
        {
            return Err(Unfit::Description(length));
        }
        let translated = logic::translate(key, &self.targeting, &names, &default)?;
        let mut notes = translated.notes;
        notes.extend(self.ignored.into_iter().map(|field| Note::Ignored { field }));
        if !self.enabled {
            notes.insert(Note::Disabled { variation: default.clone() });
        }
        let definition = FlagDefinition {
            key: key.to_owned(),
            kind,
            variations,
            enabled: self.enabled,
            off_variation: default.clone(),
            prerequisites: Vec::new(),
            targets: Vec::new(),
            experiment: None,
            rules: translated.rules,
            default: Outcome::Variation(default),
            salt: None,
            client_side: false,
        };
        if definition.rules.len() > RULES_MAX {
            let (most, these) = (RULES_MAX, definition.rules.len());
            return Err(Unfit::Rules(format!(
                "targeting: at most {most} rules, these are {these}"
            )));
        }
        match ff_evaluator::validate(&definition).first() {
            Some(problem) => Err(Unfit::Rules(format!("targeting, translated: {problem}"))),
            None => Ok(Wanted { definition, description: self.description, notes }),
        }
    }
}

/// Puts an evaluator in wherever it is referred to.
fn put_in(expression: &mut Value, name: &str, evaluator: &Value) {
    match expression {
        Value::Object(fields)
            if fields.len() == 1 && fields.get("$ref").and_then(Value::as_str) == Some(name) =>
        {
            *expression = evaluator.clone();
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(|inner| put_in(inner, name, evaluator));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| put_in(inner, name, evaluator)),
        _ => {}
    }
}

fn variations(variants: &Map<String, Value>) -> Result<(ValueType, Vec<Variation>), Unfit> {
    if variants.is_empty() || variants.len() > VARIATIONS_MAX {
        return Err(Unfit::Variants(variants.len()));
    }
    let mut kind = None;
    let mut variations = Vec::with_capacity(variants.len());
    for (key, value) in variants {
        VariationKey::parse(key.as_str())
            .map_err(|error| Unfit::VariantKey { key: key.clone(), reason: error.to_string() })?;
        let own = match value {
            Value::Null => return Err(Unfit::Null(escaped(key))),
            Value::Bool(_) => ValueType::Boolean,
            Value::String(_) => ValueType::String,
            Value::Number(_) => ValueType::Number,
            Value::Array(_) | Value::Object(_) => ValueType::Json,
        };
        let size = value.to_string().len();
        if size > VALUE_MAX {
            return Err(Unfit::Size { key: escaped(key), size });
        }
        match *kind.get_or_insert(own) {
            first if first == own => {}
            first => return Err(Unfit::Types(first.as_str(), own.as_str())),
        }
        variations.push(Variation { key: key.clone(), name: None, value: value.clone() });
    }
    Ok((kind.unwrap_or(ValueType::Json), variations))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(flag: &str) -> Result<Wanted, Unfit> {
        let mut read = read(&format!(r#"{{"flags": {{"f": {flag}}}}}"#)).unwrap();
        match read.refused.pop() {
            Some(refused) => Err(refused.reason),
            None => Ok(read.flags.remove(0)),
        }
    }

    fn error(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_that_is_none_is_told_where() {
        assert_eq!(error("[]"), "the file is not an object");
        let broken = read("{\n\"flags\": {,}}").unwrap_err();
        let source = std::error::Error::source(&broken).unwrap().to_string();
        assert!(source.ends_with("line 2 column 11"), "{source}");
        assert_eq!(error("{}"), "the file has no `flags`");
        assert_eq!(error(r#"{"flags": {"a/b": 1}}"#), "/flags/a~1b is not an object");
        assert_eq!(
            error(r#"{"flags": {"f": {"state": "on", "variants": {}}}}"#),
            "/flags/f/state is not `ENABLED` or `DISABLED`"
        );
        assert_eq!(
            error(r#"{"flags": {"f": {"state": "ENABLED", "variants": {}, "defaultVariant": 1}}}"#),
            "/flags/f/defaultVariant is not the name of a variant"
        );
    }

    #[test]
    fn values_decide_the_type() {
        for (variants, kind) in [
            (r#"{"on": true, "off": false}"#, ValueType::Boolean),
            (r#"{"on": "x", "off": ""}"#, ValueType::String),
            (r#"{"on": 1, "off": 2.5}"#, ValueType::Number),
            (r#"{"on": {}, "off": []}"#, ValueType::Json),
        ] {
            let flag = one(&format!(
                r#"{{"state": "ENABLED", "variants": {variants}, "defaultVariant": "off"}}"#
            ))
            .unwrap();
            assert_eq!(flag.definition.kind, kind);
            assert!(flag.definition.enabled && flag.notes.is_empty());
        }
    }

    #[test]
    fn what_has_no_counterpart_is_refused() {
        let refused = |rest: &str| {
            one(&format!(r#"{{"state": "ENABLED", {rest}}}"#)).unwrap_err().to_string()
        };
        assert!(
            refused(r#""variants": {"a": 1, "b": "x"}, "defaultVariant": "a""#)
                .contains("number and string")
        );
        assert!(
            refused(r#""variants": {"a": null}, "defaultVariant": "a""#).contains("variants/a")
        );
        assert!(refused(r#""variants": {"a": 1}"#).starts_with("defaultVariant: there is none"));
        assert!(
            refused(r#""variants": {"a": 1}, "defaultVariant": """#).starts_with("defaultVariant")
        );
        assert!(
            refused(r#""variants": {"a": 1}, "defaultVariant": "b""#).contains("no variant `b`")
        );
        assert!(refused(r#""variants": {}"#).contains("this has 0"));
        assert!(refused(r#""variants": {" a": 1}, "defaultVariant": " a""#).contains("key ` a`"));
        let odd = read(r#"{"flags": {"-x": {"state": "ENABLED", "variants": {}}}}"#).unwrap();
        assert!(odd.refused[0].reason.to_string().starts_with("its key is none here"));
    }

    #[test]
    fn a_disabled_flag_is_off_and_unknown_fields_are_noted() {
        let flag = one(
            r#"{"state": "DISABLED", "variants": {"10%": true}, "defaultVariant": "10%", "flagType": "x"}"#,
        )
        .unwrap();
        assert!(!flag.definition.enabled);
        assert_eq!(flag.definition.off_variation, "10%");
        let notes: Vec<String> = flag.notes.iter().map(ToString::to_string).collect();
        assert!(
            notes[0].contains("variation `10%`") && notes[1].contains("`flagType`"),
            "{notes:?}"
        );
    }

    #[test]
    fn evaluators_are_put_in_in_the_order_of_the_file() {
        let file = |evaluators: &str| {
            read(&format!(
                r#"{{"$evaluators": {evaluators}, "flags": {{"f": {{
                    "state": "ENABLED", "variants": {{"on": 1, "off": 2}}, "defaultVariant": "off",
                    "targeting": {{"if": [{{"$ref": "outer"}}, "on", null]}}
                }}}}}}"#
            ))
            .unwrap()
        };
        let inner = r#""inner": {"==": [{"var": "a"}, "x"]}"#;
        let outer = r#""outer": {"!": [{"$ref": "inner"}]}"#;
        assert_eq!(file(&format!("{{{outer}, {inner}}}")).flags.len(), 1);
        let refused = file(&format!("{{{inner}, {outer}}}")).refused;
        assert!(refused[0].reason.to_string().contains("evaluator `inner`"), "{refused:?}");
        let dollars = r#"{"outer": {"==": [{"var": "a"}, "$$"]}}"#;
        assert!(file(dollars).refused[0].reason.to_string().contains("evaluator `outer`"));
        assert!(file("{}").refused[0].reason.to_string().contains("evaluator `outer`"));
    }
}
