//! Reads JSON so that an error names its place: line and column where it is no JSON, a pointer where it is JSON of
//! another shape.

use axum::http::StatusCode;
use ff_front::plain_words;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::{Problem, code};

/// Reads a body. Nesting deeper than serde_json's 128 levels is refused before it can fill the stack.
pub(crate) fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut input = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let place = pointer(error.path());
        explain(error.inner(), place)
    })?;
    input.end().map_err(|error| explain(&error, String::new()))?;
    Ok(value)
}

fn explain(error: &serde_json::Error, place: String) -> Problem {
    match error.classify() {
        Category::Data => {
            let detail = plain_words(&error.to_string());
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code::UNEXPECTED_BODY,
                "the body is not what this request takes, see `errors`",
            )
            .at(place, detail)
        }
        Category::Syntax | Category::Eof | Category::Io => Problem::new(
            StatusCode::BAD_REQUEST,
            code::MALFORMED_JSON,
            format!("the body is not JSON: {error}"),
        )
        .at(place, format!("line {}, column {}", error.line(), error.column())),
    }
}

/// A path of serde as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        let key = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                key.replace('~', "~0").replace('/', "~1")
            }
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&key);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ff_domain::flag::Targeting;
    use serde_json::Value;

    use super::*;

    fn refused(body: &str) -> Problem {
        from_slice::<Targeting>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_place_of_the_wrong_shape_has_a_pointer() {
        let table = [
            (r#"{"off_variation":"a","default":{"variation":"a"},"x":1}"#, "/x"),
            (r#"{"off_variation":1,"default":{"variation":"a"}}"#, "/off_variation"),
            (r#"{"off_variation":"a","default":{"variation":[]}}"#, "/default/variation"),
            (
                r#"{"off_variation":"a","default":{"variation":"a"},"rules":[{"then":{"variation":"a"},"if":{"and":[{"operator":"no"}]}}]}"#,
                "/rules/0/if/and/0/operator",
            ),
            (r#"{"off_variation":"a"}"#, ""),
            ("[]", ""),
        ];
        for (body, place) in table {
            let problem = refused(body);
            assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
            assert_eq!(problem.errors[0].pointer, place, "{body}");
            assert!(!problem.errors[0].detail.contains("line"), "{:?}", problem.errors);
        }
    }

    #[test]
    fn what_is_no_json_is_told_where_it_ends_to_be() {
        for body in ["", "{", "{\"off_variation\":}", "nope", "{}{}", "\u{1}"] {
            let problem = from_slice::<Value>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(problem.errors[0].detail.starts_with("line 1, column "), "{body}");
        }
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        for deep in [200, 1_000_000] {
            let body = "[".repeat(deep);
            assert_eq!(from_slice::<Value>(body.as_bytes()).unwrap_err().code, "FF-1000");
            let rule = "{\"not\":".repeat(deep);
            let body = format!("{{\"rules\":[{{\"if\":{rule}");
            assert_eq!(refused(&body).errors.len(), 1);
        }
    }

    #[test]
    fn odd_names_are_escaped() {
        type Nested = BTreeMap<String, BTreeMap<String, u8>>;
        let problem = from_slice::<Nested>(br#"{"a/b~c":{"x":"text"}}"#).unwrap_err();
        assert_eq!(problem.errors[0].pointer, "/a~1b~0c/x");
    }
}
