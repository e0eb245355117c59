//! Who may use whom: the arrows of the architecture, as a table.
//!
//! Tests may use what they like; this is about what ships.

use crate::finding::Finding;
use crate::tree::Tree;

/// What a crate may use of ours.
enum May {
    Use(&'static [&'static str]),
    /// All that ships; the program that puts everything together.
    UseAllButTools,
}

const TOOLS: &[&str] = &["testkit", "e2e", "xtask"];

const TABLE: &[(&str, May)] = &[
    ("evaluator", May::Use(&[])),
    ("domain", May::Use(&["evaluator"])),
    ("nats", May::Use(&[])),
    ("eventlog", May::Use(&["nats"])),
    ("auth", May::Use(&[])),
    ("commands", May::Use(&["domain", "eventlog", "auth"])),
    ("projections", May::Use(&["domain", "eventlog", "evaluator"])),
    ("front", May::Use(&[])),
    ("limits", May::Use(&[])),
    ("security", May::Use(&["nats"])),
    ("identity", May::Use(&["auth"])),
    (
        "control",
        May::Use(&[
            "commands",
            "projections",
            "auth",
            "domain",
            "eventlog",
            "evaluator",
            "front",
            "identity",
            "limits",
            "security",
        ]),
    ),
    ("edge", May::Use(&["evaluator", "auth", "front", "limits", "nats", "security"])),
    ("ingest", May::Use(&["auth", "evaluator", "front", "limits", "nats", "security"])),
    ("analytics", May::Use(&["front", "limits"])),
    ("server", May::UseAllButTools),
    ("stack", May::Use(&[])),
    ("testkit", May::Use(&["stack"])),
    ("e2e", May::Use(&["testkit"])),
    ("xtask", May::Use(&[])),
];

impl May {
    fn allows(&self, folder: &str) -> bool {
        match self {
            Self::Use(folders) => folders.contains(&folder),
            Self::UseAllButTools => !TOOLS.contains(&folder),
        }
    }
}

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &tree.crates {
        let folder = &member.folder;
        let Some((_, may)) = TABLE.iter().find(|(name, _)| name == folder) else {
            findings.push(Finding::failure(
                &format!("{folder}/Cargo.toml"),
                1,
                format!("{folder} is not in the table: add to xtask/src/rules/imports.rs what it may use"),
            ));
            continue;
        };
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.dev) {
            let Some(used) = &dependency.folder else { continue };
            if !may.allows(used) {
                let (path, line) = tree.manifest_line(member, &dependency.package);
                findings.push(Finding::failure(
                    &path,
                    line,
                    format!(
                        "{folder} may not use {used}: move what it needs to a crate both may use, \
                         or change the table with a decision record"
                    ),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_against_the_table_is_found_with_its_line() {
        let manifest =
            "[dependencies]\nff-evaluator.workspace = true\nff-domain.workspace = true\n";
        let tree = Tree::of(&[("edge/Cargo.toml", manifest)])
            .with("edge", &["ff-evaluator", "ff-domain", "tokio"], &["ff-testkit", "ff-control"])
            .with("evaluator", &["serde"], &[])
            .with("server", &["ff-edge", "ff-stack"], &[]);
        let found = check(&tree);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("edge/Cargo.toml", 3));
        assert!(found[0].message.starts_with("edge may not use domain"));
    }

    #[test]
    fn tests_may_use_the_testkit_and_programs_may_not() {
        assert!(check(&Tree::default().with("server", &[], &["ff-testkit"])).is_empty());
        for folder in ["server", "control", "eventlog"] {
            assert_eq!(check(&Tree::default().with(folder, &["ff-testkit"], &[])).len(), 1);
        }
        assert!(check(&Tree::default().with("e2e", &["ff-testkit"], &[])).is_empty());
    }

    #[test]
    fn a_crate_that_nobody_thought_about_is_found() {
        let found = check(&Tree::default().with("sdk/rust", &[], &[]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "sdk/rust/Cargo.toml");
    }

    #[test]
    fn every_crate_in_the_table_is_one_that_the_table_knows() {
        for (folder, may) in TABLE {
            if let May::Use(used) = may {
                for name in *used {
                    assert!(TABLE.iter().any(|(known, _)| known == name), "{folder} uses {name}");
                }
            }
        }
    }
}
