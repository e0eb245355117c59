//! Every error code in the sources has its page under `docs/errors/`, and every page its code.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::rules::spells_rules;
use crate::source::line_of;
use crate::tree::Tree;

const PAGES: &str = "docs/errors/";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut used = BTreeMap::new();
    for (file, _) in tree.rust_files().filter(|(file, _)| !spells_rules(file)) {
        for (at, code) in codes(&file.text) {
            used.entry(code).or_insert_with(|| (file.path.as_str(), line_of(&file.text, at)));
        }
    }
    let pages: BTreeMap<&str, &str> = tree
        .files
        .iter()
        .filter_map(|file| {
            let code = file.path.strip_prefix(PAGES)?.strip_suffix(".md")?;
            codes(code).next().filter(|(_, found)| *found == code)?;
            Some((code, file.path.as_str()))
        })
        .collect();

    let without_page =
        used.iter().filter(|(code, _)| !pages.contains_key(*code)).map(|(code, (path, line))| {
            Finding::failure(path, *line, format!("{code} has no page: write {PAGES}{code}.md"))
        });
    let without_use =
        pages.iter().filter(|(code, _)| !used.contains_key(*code)).map(|(code, path)| {
            Finding::failure(path, 1, format!("no source has the code {code}: remove the page"))
        });
    without_page.chain(without_use).collect()
}

/// The codes in a text, `FF-` and exactly four digits, with their offsets.
fn codes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const START: &str = "FF-";
    const LENGTH: usize = START.len() + 4;
    let joins = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.match_indices(START).filter_map(move |(at, _)| {
        let code = text.get(at..at + LENGTH)?;
        let digits = code.bytes().skip(START.len()).all(|byte| byte.is_ascii_digit());
        let joined_before = text[..at].bytes().next_back().is_some_and(joins);
        let joined_after = text[at + LENGTH..].bytes().next().is_some_and(joins);
        (digits && !joined_before && !joined_after).then_some((at, code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        let tree = Tree::of(&[
            (
                "domain/src/a.rs",
                "//! A.\nconst A: &str = \"FF-1203\";\nconst B: &str = \"FF-1204\";",
            ),
            ("domain/src/b.rs", "// FF-1204 again"),
            ("docs/errors/FF-1203.md", "# FF-1203"),
            ("docs/errors/FF-1999.md", "# FF-1999"),
            ("docs/errors/README.md", "FF-1777"),
        ]);
        let found: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "domain/src/a.rs:3: FF-1204 has no page: write docs/errors/FF-1204.md",
                "docs/errors/FF-1999.md:1: no source has the code FF-1999: remove the page",
            ]
        );
    }

    #[test]
    fn only_codes_are_codes() {
        let text = "FF-Position FF-12 FF-12345 XFF-1234 FF-1234-x (FF-1234) FF-9";
        assert_eq!(codes(text).map(|(_, code)| code).collect::<Vec<_>>(), ["FF-1234"]);
    }
}
