//! Only `projections/` writes the read tables (and `migrations/` makes them): what something else wrote
//! there would be gone after the next rebuild.
//!
//! The read models live in schemas named `read…`, so a statement that writes to such a schema says so
//! in its text, in Rust and in SQL alike.

use crate::finding::Finding;
use crate::rules::spells_rules;
use crate::source::{line_of, occurrences, without_comments};
use crate::tree::Tree;

const WRITERS: &[&str] = &["projections/", "migrations/"];
const STATEMENTS: &[&[&str]] = &[
    &["INSERT", "INTO"],
    &["UPDATE"],
    &["DELETE", "FROM"],
    &["MERGE", "INTO"],
    &["TRUNCATE"],
    &["COPY"],
];
/// Words that may stand between the statement and the table.
const BETWEEN: &[&str] = &["ONLY", "TABLE"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !spells_rules(file)) {
        if WRITERS.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        let text = match file.path.rsplit_once('.') {
            Some((_, "rs")) => without_comments(&file.text),
            Some((_, "sql")) => file.text.clone(),
            _ => continue,
        }
        .to_ascii_uppercase();
        for statement in STATEMENTS {
            for at in occurrences(&text, statement[0]) {
                if writes_read_table(&text[at..], statement) {
                    findings.push(Finding::failure(
                        &file.path,
                        line_of(&text, at),
                        "only projections/ writes read tables: change the log and let it follow, \
                         or move this to a projection",
                    ));
                }
            }
        }
    }
    findings
}

/// Whether `sql`, in upper case, starts with the words of `statement` and then a table of a schema
/// named `read…`.
fn writes_read_table(sql: &str, statement: &[&str]) -> bool {
    // A backslash is a line continued, or a quote escaped, in a Rust string.
    let skip = |text: &str| text.trim_start_matches([' ', '\t', '\n', '\r', '\\']).len();
    let mut rest = sql;
    for word in statement {
        let Some(after) = rest.strip_prefix(word) else { return false };
        rest = &after[after.len() - skip(after)..];
    }
    for word in BETWEEN {
        if let Some(after) = rest.strip_prefix(word) {
            rest = &after[after.len() - skip(after)..];
        }
    }
    let Some(name) = rest.trim_start_matches('"').strip_prefix("READ") else { return false };
    name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
        .trim_start_matches(['\\', '"'])
        .starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [usize; 0] = [];

    fn found_in(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn every_statement_that_writes_is_found_in_any_spelling() {
        for sql in [
            "INSERT INTO read.flags VALUES (1)",
            "insert into read_7.flags values (1)",
            "INSERT INTO \\\n             read.flags",
            "UPDATE read.flags SET x = 1",
            "update only \\\"read_2\\\".\\\"flags\\\" set x = 1",
            "DELETE\n FROM read.flags",
            "TRUNCATE TABLE read.flags",
            "COPY read.flags FROM STDIN",
            "MERGE INTO read.flags",
        ] {
            let source = format!("//! A.\nlet q = \"{sql}\";");
            assert_eq!(found_in("control/src/a.rs", &source), [2], "{sql}");
            assert_eq!(found_in("e2e/tests/it/a.rs", &source), [2], "{sql}");
            assert_eq!(found_in("projections/src/a.rs", &source), NOTHING, "{sql}");
        }
        assert_eq!(found_in("deploy/fix.sql", "\nDELETE FROM read.flags;"), [2]);
        assert_eq!(found_in("migrations/postgres/1.sql", "DELETE FROM read.flags;"), NOTHING);
    }

    #[test]
    fn reading_and_other_tables_are_left_alone() {
        for sql in [
            "SELECT * FROM read.flags",
            "INSERT INTO people.users VALUES (1)",
            "INSERT INTO readings VALUES (1)",
            "UPDATE idempotency.keys SET read.x = 1",
            "SELECT 1 FOR UPDATE",
        ] {
            assert_eq!(
                found_in("control/src/a.rs", &format!("let q = \"{sql}\";")),
                NOTHING,
                "{sql}"
            );
        }
        assert_eq!(found_in("control/src/a.rs", "// never INSERT INTO read.flags"), NOTHING);
    }
}
