//! The rules, one to a file. Each looks at the whole tree and returns what it found; each has a test
//! that makes up the fault and sees it found.

mod error_codes;
mod event_log;
mod imports;
mod length;
mod module_docs;
mod purity;
mod read_tables;
mod words;

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// Looks at the tree and says what is wrong with it.
pub(crate) type Rule = fn(&Tree) -> Vec<Finding>;

/// Every rule.
pub(crate) const ALL: &[Rule] = &[
    imports::check,
    purity::check,
    event_log::check,
    length::check,
    module_docs::check,
    words::check,
    error_codes::check,
    read_tables::check,
];

/// Whether a file is one of these rules, which must spell out what they forbid.
fn spells_rules(file: &File) -> bool {
    file.path.starts_with("xtask/src/rules/")
}
