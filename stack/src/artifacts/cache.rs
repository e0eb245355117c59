//! The directory that holds unpacked artifacts, shared by all checkouts of a user.
//!
//! A package is unpacked beside its final place and renamed into it, so a half-unpacked one is never
//! mistaken for a whole one. A lock file per artifact lets several processes ask at once: one
//! fetches, the others wait and find it there.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Artifact, ArtifactError, download, unpack};

/// A directory of unpacked artifacts.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache of the user who runs this process: `$FF_CACHE_DIR`, else
    /// `$XDG_CACHE_HOME/feature-flag-platform`, else `~/.cache/feature-flag-platform`.
    ///
    /// # Errors
    /// When none of the three variables is set.
    pub fn of_user() -> Result<Self, ArtifactError> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("FF_CACHE_DIR")
            .or_else(|| set("XDG_CACHE_HOME").map(|base| base.join("feature-flag-platform")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/feature-flag-platform")))
            .map(Self::at)
            .ok_or(ArtifactError::NoCacheDirectory)
    }

    /// A cache in a directory of the caller's choice.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The main file of an artifact, fetched if it is not here yet. Blocks.
    ///
    /// # Errors
    /// As [`Artifact::ensure`].
    pub fn ensure(&self, artifact: &Artifact) -> Result<PathBuf, ArtifactError> {
        let entry = self.entry(artifact);
        if entry.is_file() {
            return Ok(entry);
        }
        let (os, arch) = (env::consts::OS, env::consts::ARCH);
        if (os, arch) != ("linux", "x86_64") {
            return Err(ArtifactError::Platform { os, arch });
        }
        fs::create_dir_all(&self.root)
            .map_err(ArtifactError::io("create the directory", &self.root))?;
        let _lock = self.lock(artifact)?;
        if entry.is_file() {
            return Ok(entry);
        }
        tracing::info!(
            package = artifact.package,
            version = artifact.version,
            "fetching a server, which happens once"
        );
        let scratch = Scratch::create(&self.root)?;
        let file = download::fetch(artifact, &scratch.path)?;
        self.install(artifact, &file)
    }

    /// Checks a downloaded file, and unpacks it into its place.
    fn install(&self, artifact: &Artifact, file: &Path) -> Result<PathBuf, ArtifactError> {
        let found = sha256(file).map_err(ArtifactError::io("read", file))?;
        if found != artifact.sha256 {
            let (file, expected) = (artifact.file.clone(), artifact.sha256.clone());
            return Err(ArtifactError::Checksum { file, expected, found });
        }
        let scratch = Scratch::create(&self.root)?;
        unpack::unpack(artifact, file, &scratch.path)?;
        if !scratch.path.join(&artifact.entry).is_file() {
            let (file, entry) = (artifact.file.clone(), artifact.entry.clone());
            return Err(ArtifactError::NoEntry { file, entry });
        }
        // Its files must be on disk before its name is: a name is all that is looked at later.
        fs::File::open(&scratch.path)
            .and_then(|directory| Ok(nix::unistd::syncfs(directory)?))
            .map_err(ArtifactError::io("sync", &scratch.path))?;
        let place = self.root.join(artifact.directory_name());
        // Only a directory without its main file can be here, left by hand.
        if place.exists() {
            fs::remove_dir_all(&place).map_err(ArtifactError::io("remove", &place))?;
        }
        fs::rename(&scratch.path, &place).map_err(ArtifactError::io("create", &place))?;
        Ok(self.entry(artifact))
    }

    fn entry(&self, artifact: &Artifact) -> PathBuf {
        self.root.join(artifact.directory_name()).join(&artifact.entry)
    }

    /// Waits for the lock of one artifact; it is held until the file is dropped.
    fn lock(&self, artifact: &Artifact) -> Result<fs::File, ArtifactError> {
        let path = self.root.join(format!("{}.lock", artifact.directory_name()));
        let file = fs::File::create(&path).map_err(ArtifactError::io("create", &path))?;
        file.lock().map_err(ArtifactError::io("lock", &path))?;
        Ok(file)
    }
}

/// A directory that is gone when this is dropped, unless it was renamed away.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create(root: &Path) -> Result<Self, ArtifactError> {
        let path = root.join(format!(".scratch-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path).map_err(ArtifactError::io("create the directory", &path))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is lost if it stays: names are random, and nobody looks inside.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut digest)?;
    Ok(hex::encode(digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::Registry;

    fn artifact(sha256: &str) -> Artifact {
        Artifact {
            registry: Registry::Pypi,
            package: "thing".into(),
            version: "1.0".into(),
            file: "thing-1.0.whl".into(),
            sha256: sha256.into(),
            entry: "bin/thing".into(),
        }
    }

    #[test]
    fn an_altered_file_is_refused_and_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().join("cache"));
        fs::create_dir(&cache.root).unwrap();
        let file = dir.path().join("thing-1.0.whl");
        fs::write(&file, "evil").unwrap();

        let error = cache.install(&artifact(&"0".repeat(64)), &file).unwrap_err();

        let message = error.to_string();
        assert!(message.contains(&"0".repeat(64)), "{message}");
        assert!(message.contains(&sha256(&file).unwrap()), "{message}");
        assert_eq!(fs::read_dir(&cache.root).unwrap().count(), 0);
    }

    #[test]
    fn a_wheel_keeps_its_executable_bits_and_comes_whole_or_not_at_all() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("thing-1.0.whl");
        let script = "import sys, zipfile\n\
                      i = zipfile.ZipInfo('bin/thing'); i.external_attr = 0o100755 << 16\n\
                      zipfile.ZipFile(sys.argv[1], 'w').writestr(i, 'x')";
        let made = std::process::Command::new("python3").args(["-c", script]).arg(&file).status();
        assert!(made.unwrap().success());
        let cache = Cache::at(dir.path().join("cache"));
        fs::create_dir(&cache.root).unwrap();

        let mut artifact = artifact(&sha256(&file).unwrap());
        let entry = cache.install(&artifact, &file).unwrap();
        assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o111, 0o111);
        assert_eq!(cache.ensure(&artifact).unwrap(), entry);

        artifact.entry = "bin/other".into();
        let error = cache.install(&artifact, &file).unwrap_err();
        assert!(matches!(error, ArtifactError::NoEntry { .. }), "{error}");
    }
}
