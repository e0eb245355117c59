//! Only `eventlog/` knows the names of the stream, and only `commands/` appends to it.
//!
//! Whether a call appends to the log is a question of types, and this reads text. It looks in the
//! crates that use `ff-eventlog` for `.append(…)` and for a `.commit(…)` with arguments (an event
//! store's; a transaction's has none), and passes over the methods of that name which everybody knows:
//! `Vec::append(&mut …)`, `OpenOptions::append(true)` and `headers.append(…)`.

use crate::finding::Finding;
use crate::rules::spells_rules;
use crate::source::{line_of, occurrences, production};
use crate::tree::Tree;

const NAMES: &[&str] = &["ff.evt", "FF_EVENTS"];
/// Besides the owner: what tests the whole system looks at it from outside.
const MAY_NAME: &[&str] = &["eventlog", "testkit", "e2e"];
const MAY_APPEND: &[&str] = &["eventlog", "commands"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, member) in tree.production_files().filter(|(file, _)| !spells_rules(file)) {
        let folder = member.folder.as_str();
        let code = production(&file.text);
        if !MAY_NAME.contains(&folder) {
            for (at, name) in NAMES.iter().flat_map(|n| code.match_indices(n)) {
                findings.push(Finding::failure(
                    &file.path,
                    line_of(&code, at),
                    format!(
                        "`{name}` belongs to eventlog/: ask ff-eventlog for what you need of it"
                    ),
                ));
            }
        }
        if !MAY_APPEND.contains(&folder) && member.uses("eventlog") {
            for at in appends(&code) {
                findings.push(Finding::failure(
                    &file.path,
                    line_of(&code, at),
                    "only commands/ appends to the log: send a command through its executor",
                ));
            }
        }
    }
    findings
}

fn appends(code: &str) -> Vec<usize> {
    let argument = |at: usize, call: &str| code[at + call.len()..].trim_start().to_owned();
    let append = ".append(";
    let appended = occurrences(code, append).filter(|&at| {
        let argument = argument(at, append);
        let known = ["&mut ", "true", "false"].iter().any(|start| argument.starts_with(start));
        let receiver = code[..at].trim_end();
        !known && !receiver.ends_with("headers") && !receiver.ends_with("headers_mut()")
    });
    let by_path = occurrences(code, "EventLog::append");
    let commit = ".commit(";
    let committed = occurrences(code, commit).filter(|&at| !argument(at, commit).starts_with(')'));
    appended.chain(by_path).chain(committed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(folder: &str, source: &str) -> usize {
        let path = format!("{folder}/src/a.rs");
        check(&Tree::of(&[(&path, source)]).with(folder, &["ff-eventlog"], &[])).len()
    }

    #[test]
    fn the_stream_s_names_are_found_outside_the_event_log() {
        for source in ["const S: &str = \"FF_EVENTS\";", "format!(\"ff.evt.{org}\")"] {
            assert_eq!(found_in("projections", source), 1, "{source}");
            assert_eq!(found_in("eventlog", source), 0, "{source}");
        }
        assert_eq!(found_in("projections", "//! Reads FF_EVENTS.\n"), 0);
        assert_eq!(found_in("projections", "#[cfg(test)]\nmod tests { f(\"FF_EVENTS\"); }"), 0);
        let in_tests = Tree::of(&[("control/tests/it/main.rs", "f(\"FF_EVENTS\");")]).with(
            "control",
            &["ff-eventlog"],
            &[],
        );
        assert!(check(&in_tests).is_empty());
    }

    #[test]
    fn appending_is_found_outside_the_commands() {
        for source in [
            "self.log.append(drafts).await?;",
            "log\n    .append(vec![draft])\n    .await",
            "EventLog::append(&log, drafts)",
            "store.commit(events, context, metadata).await",
        ] {
            assert_eq!(found_in("control", source), 1, "{source}");
            assert_eq!(found_in("server", source), 1, "{source}");
            assert_eq!(found_in("commands", source), 0, "{source}");
        }
    }

    #[test]
    fn other_methods_of_that_name_are_left_alone() {
        for source in [
            "rows.append(&mut more);",
            "OpenOptions::new().append(true)",
            "headers.append(SET_COOKIE, value);",
            "response.headers_mut().append(LINK, value);",
            "tx.commit().await?;",
        ] {
            assert_eq!(found_in("control", source), 0, "{source}");
        }
        let no_log =
            Tree::of(&[("edge/src/a.rs", "file.append(line);")]).with("edge", &["tokio"], &[]);
        assert!(check(&no_log).is_empty());
    }
}
