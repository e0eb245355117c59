//! Reading a request: `{"context": {…}}`.

use ff_evaluator::{Context, ContextError, ErrorCode};
use ff_front::{TooDeep, check_depth};
use serde::Deserialize;
use serde_json::Value;

/// Why a request cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("the body is no JSON object: {0}")]
    Json(serde_json::Error),
    #[error(transparent)]
    Depth(#[from] TooDeep),
    #[error("the body is a JSON object with `context`")]
    NotAnObject,
    #[error("{0}")]
    Context(ContextError),
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    context: Option<Value>,
}

impl Rejected {
    /// What it is to OpenFeature.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Json(_) | Self::Depth(_) | Self::NotAnObject => ErrorCode::ParseError,
            Self::Context(_) => ErrorCode::InvalidContext,
        }
    }
}

/// How deep lists and objects nest.
const DEPTH: usize = 64;

/// Reads the context; none is the same as an empty one.
pub(crate) fn context(body: &[u8]) -> Result<Context, Rejected> {
    check_depth(body, DEPTH)?;
    // A list would be taken for the fields in their order.
    if body.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
        return Err(Rejected::NotAnObject);
    }
    let request: Request = serde_json::from_slice(body).map_err(Rejected::Json)?;
    match request.context {
        None => Ok(Context::default()),
        Some(context) => Context::from_json(context).map_err(Rejected::Context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<&'static str> {
        context(body.as_bytes()).err().map(|rejected| rejected.code().as_str())
    }

    #[test]
    fn bad_bodies_and_bad_contexts_are_told_apart() {
        for good in [
            "{}",
            r#"{"context":null}"#,
            r#" {"context":{"targetingKey":"u","a":[1]},"unknown":1}"#,
        ] {
            assert_eq!(code(good), None, "{good}");
        }
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 2), "]".repeat(depth - 2));
            format!(r#"{{"context":{{"a":{open}{close}}}}}"#)
        };
        assert_eq!(code(&nested(64)), None);
        let deep = nested(65);
        for bad in ["", "x", "[]", r#"[{"a":1}]"#, "1", "null", r#"{"context":"#, deep.as_str()] {
            assert_eq!(code(bad), Some("PARSE_ERROR"), "{bad}");
        }
        for bad in [r#"{"context":[]}"#, r#"{"context":1}"#, r#"{"context":{"targetingKey":[]}}"#] {
            assert_eq!(code(bad), Some("INVALID_CONTEXT"), "{bad}");
        }
    }
}
