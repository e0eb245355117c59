//! Words that say "not finished", and paths that exist on one machine only.

use crate::finding::Finding;
use crate::rules::spells_rules;
use crate::source::{line_of, occurrences, without_comments};
use crate::tree::{File, Tree};

/// Anywhere in a source, comments above all.
const UNFINISHED: &[&str] = &["TODO", "FIXME"];
const MACROS: &[&str] = &["todo!", "unimplemented!", "dbg!"];
const SOURCES: &[&str] =
    &["rs", "sql", "ts", "tsx", "js", "mjs", "css", "html", "py", "sh", "proto"];

/// Where people and build machines keep their checkouts.
const MACHINE_PATHS: &[&str] = &["/home/", "/root/", "/work/"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !spells_rules(file)) {
        let extension = file.path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let mut report = |at: usize, message: String| {
            findings.push(Finding::failure(&file.path, line_of(&file.text, at), message));
        };
        if SOURCES.contains(&extension) {
            for word in UNFINISHED {
                for at in occurrences(&file.text, word) {
                    report(at, format!("`{word}`: do it, or leave it out and file an issue"));
                }
            }
        }
        if extension == "rs" {
            let code = without_comments(&file.text);
            for name in MACROS {
                for at in occurrences(&code, name) {
                    report(at, format!("`{name}` is for the desk: write what belongs there"));
                }
            }
        }
        if !may_name_machine_paths(file) {
            for path in MACHINE_PATHS {
                for at in absolute(&file.text, path) {
                    report(at, format!("a path under `{path}` is one machine's: make it relative"));
                }
            }
        }
    }
    findings
}

/// Lock files are written by tools; what describes an image speaks of paths in that image.
fn may_name_machine_paths(file: &File) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name.ends_with(".lock")
        || ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml"].contains(&name)
        || name.starts_with("Dockerfile")
        || name.starts_with("compose.")
        || file.path.starts_with("deploy/")
}

/// Where `path` stands at the root: not in the middle of a URL or of a longer path.
fn absolute<'t>(text: &'t str, path: &'t str) -> impl Iterator<Item = usize> + 't {
    text.match_indices(path).map(|(at, _)| at).filter(move |&at| {
        text[..at].chars().next_back().is_none_or(|before| {
            !before.is_alphanumeric()
                && !matches!(before, '.' | '_' | '-' | '~' | '}' | ')' | '/' | '*')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn unfinished_work_is_found_in_every_kind_of_source() {
        for word in UNFINISHED {
            assert_eq!(found_in("a/src/b.rs", &format!("// {word}: later")), 1);
            assert_eq!(found_in("migrations/postgres/1.sql", &format!("-- {word}")), 1);
            assert_eq!(found_in("a/src/b.rs", &format!("const {word}S: u8 = 1;")), 0);
            assert_eq!(found_in("docs/a.md", word), 0);
        }
    }

    #[test]
    fn macros_of_the_desk_are_found_in_code_and_not_in_comments() {
        for name in MACROS {
            assert_eq!(found_in("a/src/b.rs", &format!("//! B.\nfn a() {{ {name}(1) }}")), 1);
            assert_eq!(found_in("a/src/b.rs", &format!("// no {name} here")), 0);
            assert_eq!(found_in("a/src/b.rs", &format!("fn a() {{ my_{name}(1) }}")), 0);
        }
    }

    #[test]
    fn paths_of_a_machine_are_found_in_every_file() {
        for path in MACHINE_PATHS {
            for text in [format!("{path}me"), format!("cd {path}me"), format!("a = \"{path}x\"")] {
                assert_eq!(found_in("README.md", &text), 1, "{text}");
                assert_eq!(found_in("Makefile", &text), 1, "{text}");
            }
            for text in
                [format!("https://example.com{path}"), format!("$X{path}"), format!("..{path}")]
            {
                assert_eq!(found_in("README.md", &text), 0, "{text}");
            }
            for name in ["Cargo.lock", "ui/package-lock.json", "Dockerfile", "deploy/helm/a.yaml"] {
                assert_eq!(found_in(name, &format!("{path}me")), 0, "{name}");
            }
        }
    }
}
