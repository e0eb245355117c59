//! One idea per file: above 400 lines a file is long, above 800 it is a defect.

use crate::finding::Finding;
use crate::tree::Tree;

const LONG: usize = 400;
const TOO_LONG: usize = 800;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter_map(|(file, _)| {
            let lines = file.text.lines().count();
            if lines > TOO_LONG {
                let message = format!(
                    "{lines} lines are too many: split it by what it is about, below {TOO_LONG}"
                );
                Some(Finding::failure(&file.path, lines, message))
            } else if lines > LONG {
                let message = format!("{lines} lines are long: more than one idea may be in here");
                Some(Finding::warning(&file.path, lines, message))
            } else {
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn severities(lines: usize, path: &str) -> Vec<Severity> {
        check(&Tree::of(&[(path, &"x\n".repeat(lines))])).iter().map(|f| f.severity).collect()
    }

    #[test]
    fn the_limits_are_400_and_800() {
        assert_eq!(severities(400, "a/src/b.rs"), []);
        assert_eq!(severities(401, "a/src/b.rs"), [Severity::Warning]);
        assert_eq!(severities(800, "a/tests/it/b.rs"), [Severity::Warning]);
        assert_eq!(severities(801, "a/tests/it/b.rs"), [Severity::Failure]);
        assert_eq!(severities(5000, "conformance/vectors.json"), []);
    }
}
