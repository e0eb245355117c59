//! A reader trusts a file after its first paragraph, so it has one: every module opens with `//!`.

use crate::finding::Finding;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust_files()
        .filter(|(file, member)| {
            let inside = member.and_then(|member| member.path_inside(file)).unwrap_or_default();
            let is_module = inside.starts_with("src/") || inside.starts_with("tests/");
            is_module && !file.text.starts_with("//!")
        })
        .map(|(file, _)| {
            Finding::failure(
                &file.path,
                1,
                "the module has no `//!` at its top: say what is in here, and why it is so",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_its_paragraph_is_found() {
        let tree = Tree::of(&[
            ("auth/src/bare.rs", "use std::fmt;\n//! Too late."),
            ("auth/src/item.rs", "/// Of the item, not of the module.\nfn a() {}"),
            ("auth/src/empty.rs", ""),
            ("auth/src/good.rs", "//! What and why."),
            ("auth/tests/it/main.rs", "mod a;"),
            ("auth/build.rs", "fn main() {}"),
        ])
        .with("auth", &[], &[]);
        let paths: Vec<_> = check(&tree).into_iter().map(|found| found.path).collect();
        assert_eq!(
            paths,
            ["auth/src/bare.rs", "auth/src/item.rs", "auth/src/empty.rs", "auth/tests/it/main.rs"]
        );
    }
}
