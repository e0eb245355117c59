//! What is wrong with one place of an input.

use serde::Serialize;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// JSON pointer into the input; empty for the input as a whole.
    pub pointer: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl Problem {
    /// A problem at a place.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The same problem, of an input that stands at `prefix` of a larger one.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// Problems as one line, for errors that have no place to list them.
pub fn summary(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{}: {}", p.pointer, p.detail)).collect::<Vec<_>>().join("; ")
}
