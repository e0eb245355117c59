//! The pinned server binaries: what they are, and where they lie once fetched.
//!
//! Every server comes from a package registry through that registry's own client, so that mirrors,
//! proxies and credentials a person has set up are honoured and no address is written down here.
//! What arrives is checked against a checksum in the repository before a byte of it is unpacked.
//! Unpacked artifacts live in the user's cache directory under their checksum, where any number of
//! checkouts share them.

mod cache;
mod download;
mod unpack;

use std::{collections::BTreeMap, path::PathBuf, process::ExitStatus, sync::LazyLock};

use serde::Deserialize;
use thiserror::Error;

pub use cache::Cache;

/// A server binary this version of the platform was tested with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The package client that fetches it.
    pub registry: Registry,
    /// Name of the package in its registry.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// Name of the file the package client downloads.
    pub file: String,
    /// Checksum of that file, in lower-case hex.
    pub sha256: String,
    /// The file inside the unpacked package that is run or loaded.
    pub entry: PathBuf,
}

/// Where an artifact is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// The Python package index; a wheel, fetched by pip.
    Pypi,
    /// The Node package registry; a tarball, fetched by npm.
    Npm,
}

static PINS: LazyLock<BTreeMap<String, Artifact>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../artifacts.toml"))
        .expect("artifacts.toml is part of this crate and read by a test")
});

impl Artifact {
    /// The message broker.
    #[must_use]
    pub fn nats_server() -> &'static Self {
        &PINS["nats-server"]
    }

    /// The database server with its tools.
    #[must_use]
    pub fn postgres() -> &'static Self {
        &PINS["postgres"]
    }

    /// The ClickHouse engine as a shared library.
    #[must_use]
    pub fn chdb() -> &'static Self {
        &PINS["chdb"]
    }

    /// The server of shared rate limits.
    #[must_use]
    pub fn valkey() -> &'static Self {
        &PINS["valkey"]
    }

    /// The path of this artifact's main file, fetching and unpacking the package when the user's
    /// cache does not hold it yet.
    ///
    /// # Errors
    /// When it cannot be fetched, is not what was pinned, or there is no place to keep it.
    pub async fn ensure(&'static self) -> Result<PathBuf, ArtifactError> {
        tokio::task::spawn_blocking(|| Cache::of_user()?.ensure(self))
            .await
            .expect("fetching an artifact does not panic, and its task is never cancelled")
    }

    /// `name-version-sha12`, with what a file name cannot hold replaced.
    fn directory_name(&self) -> String {
        let package = self.package.trim_start_matches('@').replace('/', "-");
        format!("{package}-{}-{}", self.version, &self.sha256[..12])
    }
}

/// Why a server binary is not there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// Nothing is pinned for this kind of machine.
    #[error(
        "the local servers are packaged for linux on x86_64, this is {os} on {arch}: \
         run them elsewhere and name them with FF_NATS_URL, FF_DATABASE_HOST and FF_CLICKHOUSE_URL"
    )]
    Platform {
        /// This machine's operating system.
        os: &'static str,
        /// This machine's processor.
        arch: &'static str,
    },
    /// Neither of the variables that say where a cache goes is set.
    #[error("no place for a cache: set FF_CACHE_DIR to a directory you may write to")]
    NoCacheDirectory,
    /// The package client is not installed.
    #[error("fetching {package} needs {tool}: install {remedy}")]
    MissingTool {
        /// The package to fetch.
        package: String,
        /// The command that was not found.
        tool: &'static str,
        /// What to install to have it.
        remedy: &'static str,
    },
    /// The package client ran and failed.
    #[error("{tool} could not fetch {package} {version} ({status}): {stderr}")]
    Download {
        /// The command that failed.
        tool: &'static str,
        /// The package to fetch.
        package: String,
        /// Its version.
        version: String,
        /// How the command ended.
        status: ExitStatus,
        /// The end of what it said.
        stderr: String,
    },
    /// The package client fetched something else.
    #[error(
        "expected {expected} for {package} {version}, the package client delivered {found:?}: \
         this machine needs another build of it, which is not pinned in stack/artifacts.toml"
    )]
    OtherFile {
        /// The package that was fetched.
        package: String,
        /// Its version.
        version: String,
        /// The pinned file name.
        expected: String,
        /// The names of the files that came.
        found: Vec<String>,
    },
    /// The file is not the one that was tested.
    #[error(
        "refusing {file}: expected sha256 {expected}, found {found}: it was altered on its way or \
         replaced by its publisher"
    )]
    Checksum {
        /// Name of the file.
        file: String,
        /// The pinned checksum.
        expected: String,
        /// The checksum of what came.
        found: String,
    },
    /// The unpacking command failed.
    #[error("{tool} could not unpack {file} ({status}): {stderr}")]
    Unpack {
        /// The command that failed.
        tool: &'static str,
        /// Name of the file.
        file: String,
        /// How the command ended.
        status: ExitStatus,
        /// The end of what it said.
        stderr: String,
    },
    /// The package does not hold the file it is fetched for.
    #[error("{file} holds no {}", entry.display())]
    NoEntry {
        /// Name of the file.
        file: String,
        /// What was looked for.
        entry: PathBuf,
    },
    /// A file operation failed.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ArtifactError {
    fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> ArtifactError {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// The last lines of what a command said, for one message of bounded length.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_complete() {
        assert_eq!(PINS.len(), 4);
        for pin in PINS.values() {
            assert_eq!(pin.sha256.len(), 64, "{}", pin.package);
            assert_eq!(hex::decode(&pin.sha256).unwrap().len(), 32);
            assert!(pin.file.contains(&pin.version));
            assert!(pin.entry.is_relative());
            assert!(!pin.directory_name().contains('/'));
        }
    }
}
