//! One thing that is not as it should be: where, what, and how to mend it.

use std::fmt;

/// A place that breaks a rule. Ordered by path and line, as a reader would go through them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) severity: Severity,
    pub(crate) message: String,
}

/// Whether the check fails by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Warning,
    Failure,
}

impl Finding {
    pub(crate) fn failure(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, severity: Severity::Failure, message: message.into() }
    }

    pub(crate) fn warning(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::failure(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {mark}{}", self.path, self.line, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_an_editor_can_follow() {
        assert_eq!(Finding::failure("a/b.rs", 7, "wrong").to_string(), "a/b.rs:7: wrong");
        assert_eq!(Finding::warning("a", 1, "long").to_string(), "a:1: warning: long");
    }
}
