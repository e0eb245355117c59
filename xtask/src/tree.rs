//! What the rules look at: the files of the repository, and its crates with what they depend on.
//!
//! Rules see only this, never the disk, so that their tests can make up a tree in two lines.

use std::process::Command;

use anyhow::{Context, ensure};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// The repository as the rules see it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    pub(crate) crates: Vec<Crate>,
}

/// A text file that is tracked, or would be after `git add`.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Crate {
    /// Its folder, relative to the root: `eventlog`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line under `[dependencies]` or its sisters.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    /// The folder of the crate, when it is one of ours.
    pub(crate) folder: Option<String>,
    /// Whether only tests and benches use it.
    pub(crate) dev: bool,
}

impl Tree {
    /// Reads the workspace that the current directory is in.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("asking cargo")?;
        let root = metadata.workspace_root.as_std_path();
        let crates = metadata
            .workspace_packages()
            .into_iter()
            .map(|package| member(package, &metadata.workspace_root))
            .collect::<anyhow::Result<_>>()?;

        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("listing the files: git must be installed")?;
        ensure!(
            listed.status.success(),
            "git could not list the files, run this inside a clone: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        );
        let mut files = Vec::new();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            // What is not there any more, or is no text, has nothing to check.
            if let Ok(text) = std::fs::read_to_string(root.join(path)) {
                files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(Self { files, crates })
    }

    /// The Rust files, with the crate that each belongs to.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&File, Option<&Crate>)> {
        self.files
            .iter()
            .filter(|file| file.path.ends_with(".rs"))
            .map(|file| (file, self.crates.iter().find(|member| member.owns(file))))
    }

    /// The Rust files that are in a program when it ships: under a crate's `src/`, and not tests.
    pub(crate) fn production_files(&self) -> impl Iterator<Item = (&File, &Crate)> {
        self.rust_files().filter_map(|(file, member)| {
            let member = member?;
            let inside = member.path_inside(file)?.strip_prefix("src/")?;
            let is_test = inside.split('/').any(|part| part == "tests" || part == "tests.rs");
            (!is_test).then_some((file, member))
        })
    }

    /// The line of a crate's manifest that names `package`, for a finding to point at.
    pub(crate) fn manifest_line(&self, member: &Crate, package: &str) -> (String, usize) {
        let path = format!("{}/Cargo.toml", member.folder);
        let line = self
            .files
            .iter()
            .find(|file| file.path == path)
            .and_then(|file| {
                file.text.lines().position(|line| {
                    line.strip_prefix(package).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
                })
            })
            .map_or(1, |index| index + 1);
        (path, line)
    }
}

impl Crate {
    /// The path of a file within this crate, or `None` for a file of another.
    pub(crate) fn path_inside<'f>(&self, file: &'f File) -> Option<&'f str> {
        file.path.strip_prefix(&self.folder)?.strip_prefix('/')
    }

    pub(crate) fn owns(&self, file: &File) -> bool {
        self.path_inside(file).is_some()
    }

    /// Whether its programs, not just its tests, use the crate in `folder`.
    pub(crate) fn uses(&self, folder: &str) -> bool {
        self.dependencies.iter().any(|dep| !dep.dev && dep.folder.as_deref() == Some(folder))
    }
}

fn member(package: &Package, root: &cargo_metadata::camino::Utf8Path) -> anyhow::Result<Crate> {
    let relative = |path: &cargo_metadata::camino::Utf8Path| {
        path.strip_prefix(root).map(|path| path.as_str().replace('\\', "/")).ok()
    };
    let folder = package.manifest_path.parent().and_then(relative).with_context(|| {
        format!("{} is outside of the workspace: move it in", package.manifest_path)
    })?;
    let dependencies = package
        .dependencies
        .iter()
        .map(|dependency| Dependency {
            package: dependency.name.clone(),
            folder: dependency.path.as_deref().and_then(relative),
            dev: dependency.kind == DependencyKind::Development,
        })
        .collect();
    Ok(Crate { folder, dependencies })
}

#[cfg(test)]
impl Tree {
    /// A made-up tree of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self { files: files.iter().map(file).collect(), crates: Vec::new() }
    }

    /// The same, with a crate that depends on others of the workspace (`ff-domain` is in `domain`)
    /// and outside of it.
    pub(crate) fn with(mut self, folder: &str, packages: &[&str], dev_packages: &[&str]) -> Self {
        let dependency = |package: &str, dev| Dependency {
            package: package.to_owned(),
            folder: package.strip_prefix("ff-").map(str::to_owned),
            dev,
        };
        self.crates.push(Crate {
            folder: folder.to_owned(),
            dependencies: packages
                .iter()
                .map(|package| dependency(package, false))
                .chain(dev_packages.iter().map(|package| dependency(package, true)))
                .collect(),
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_production() {
        let tree = Tree::of(&[
            ("domain/src/flag.rs", ""),
            ("domain/src/flag/tests.rs", ""),
            ("domain/src/tests/flag.rs", ""),
            ("domain/tests/it/main.rs", ""),
            ("domain/benches/b.rs", ""),
            ("domain/Cargo.toml", ""),
            ("domains/src/lib.rs", ""),
        ])
        .with("domain", &[], &[]);
        let paths: Vec<_> = tree.production_files().map(|(file, _)| file.path.as_str()).collect();
        assert_eq!(paths, ["domain/src/flag.rs"]);
    }

    #[test]
    fn the_workspace_itself_can_be_read() {
        let tree = Tree::load().unwrap();
        let this = tree.crates.iter().find(|member| member.folder == "xtask").unwrap();
        assert!(this.dependencies.iter().any(|dep| dep.package == "cargo_metadata" && !dep.dev));
        let (path, line) = tree.manifest_line(this, "cargo_metadata");
        assert_eq!(path, "xtask/Cargo.toml");
        assert!(line > 1);
        assert!(tree.rust_files().any(|(file, _)| file.path == "xtask/src/tree.rs"));
    }
}
