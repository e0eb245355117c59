//! Unpacking a checked package with the tools its package client brings along.

use std::{path::Path, process::Command};

use super::{Artifact, ArtifactError, Registry, tail};

/// Extracts a wheel with its file modes and links. The command line of the `zipfile` module drops
/// both, which is why this is a script; `extract` keeps every name inside the destination.
const UNPACK_WHEEL: &str = r"
import os, stat, sys, zipfile
wheel, destination = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            target = archive.read(member).decode()
            path = os.path.join(destination, member.filename)
            inside = os.path.realpath(os.path.join(os.path.dirname(path), target))
            if not inside.startswith(os.path.realpath(destination) + os.sep):
                sys.exit('a link leads out of the package: ' + member.filename)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)
            continue
        path = archive.extract(member, destination)
        if mode & 0o777 and not member.is_dir():
            os.chmod(path, mode & 0o755)
";

/// Unpacks a file into a directory.
pub(super) fn unpack(artifact: &Artifact, file: &Path, into: &Path) -> Result<(), ArtifactError> {
    let (tool, mut command) = match artifact.registry {
        Registry::Pypi => {
            let mut command = Command::new("python3");
            command.arg("-c").arg(UNPACK_WHEEL).arg(file).arg(into);
            ("python3", command)
        }
        Registry::Npm => {
            let mut command = Command::new("tar");
            // Only the library: the rest of the package binds it to Node.
            command.arg("-xzf").arg(file).arg("-C").arg(into).arg("--no-same-owner");
            command.arg(&artifact.entry);
            ("tar", command)
        }
    };
    let output = command.output().map_err(ArtifactError::io("unpack", file))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ArtifactError::Unpack {
        tool,
        file: artifact.file.clone(),
        status: output.status,
        stderr: tail(&output.stderr),
    })
}
