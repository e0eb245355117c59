//! Fetching a package through its registry's own client.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{Artifact, ArtifactError, Registry, tail};

/// Downloads an artifact into a directory and returns the path of the pinned file.
pub(super) fn fetch(artifact: &Artifact, into: &Path) -> Result<PathBuf, ArtifactError> {
    let (tool, output) = match artifact.registry {
        Registry::Pypi => ("pip", pip(artifact, into)?),
        Registry::Npm => ("npm", npm(artifact, into)?),
    };
    if !output.status.success() {
        return Err(ArtifactError::Download {
            tool,
            package: artifact.package.clone(),
            version: artifact.version.clone(),
            status: output.status,
            stderr: tail(&output.stderr),
        });
    }
    let path = into.join(&artifact.file);
    if path.is_file() { Ok(path) } else { Err(other_file(artifact, into)) }
}

/// pip as a module of python3, as a command of its own, or from a fresh virtual environment:
/// distributions ship any one of these without the others.
fn pip(artifact: &Artifact, into: &Path) -> Result<Output, ArtifactError> {
    let missing = || ArtifactError::MissingTool {
        package: artifact.package.clone(),
        tool: "pip",
        remedy: "python3 with pip (Debian: python3-pip)",
    };
    let has_pip = |program: &Path, leading: &[&str]| {
        let mut probe = Command::new(program);
        probe.args(leading).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let (program, leading): (PathBuf, &[&str]) = if has_pip(Path::new("python3"), &["-m", "pip"]) {
        ("python3".into(), &["-m", "pip"])
    } else if has_pip(Path::new("pip3"), &[]) {
        ("pip3".into(), &[])
    } else {
        let environment = into.join("venv");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output();
        if !made.is_ok_and(|output| output.status.success()) {
            return Err(missing());
        }
        (environment.join("bin/pip"), &[])
    };
    let requirement = format!("{}=={}", artifact.package, artifact.version);
    Command::new(program)
        .args(leading)
        .args(["download", "--quiet", "--no-deps", "--only-binary=:all:", "-d"])
        .arg(into)
        .arg(requirement)
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env("PIP_NO_INPUT", "1")
        .output()
        .map_err(ArtifactError::io("run pip in", into))
}

fn npm(artifact: &Artifact, into: &Path) -> Result<Output, ArtifactError> {
    let mut command = Command::new("npm");
    command
        .arg("pack")
        .arg(format!("{}@{}", artifact.package, artifact.version))
        .args(["--silent", "--pack-destination"])
        .arg(into)
        // Away from any package.json whose settings could reach in.
        .current_dir(into);
    command.output().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ArtifactError::MissingTool {
            package: artifact.package.clone(),
            tool: "npm",
            remedy: "Node.js with npm (Debian: nodejs and npm)",
        },
        _ => ArtifactError::io("run npm in", into)(source),
    })
}

fn other_file(artifact: &Artifact, into: &Path) -> ArtifactError {
    let found = fs::read_dir(into)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "venv")
        .collect();
    ArtifactError::OtherFile {
        package: artifact.package.clone(),
        version: artifact.version.clone(),
        expected: artifact.file.clone(),
        found,
    }
}
