//! The folder `.local` of the working directory, where `ff up` keeps everything it makes.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rand::Rng as _;
use serde::{Deserialize, Serialize};

/// The folder.
pub const FOLDER: &str = ".local";
/// What `ff up` started, in the form of a configuration file.
pub const NOTED_SETTINGS: &str = ".local/ff.toml";
/// URLs, login and keys, to be sourced by scripts.
pub const ENVIRONMENT: &str = ".local/env";

/// What must stay the same from start to start, and secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Signs sessions.
    pub jwt_secret: String,
    /// Password of the embedded PostgreSQL.
    pub database_password: String,
    /// Password of the first owner.
    pub demo_password: String,
}

impl Secrets {
    /// Reads the secrets of this folder, or makes them.
    pub fn load_or_make(folder: &Path) -> io::Result<Self> {
        let path = folder.join("secrets.toml");
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self {
                    jwt_secret: random_text(48),
                    database_password: random_text(24),
                    demo_password: random_text(16),
                };
                let text = toml::to_string(&made).map_err(io::Error::other)?;
                write_private(&path, &text)?;
                Ok(made)
            }
            Err(error) => Err(error),
        }
    }
}

/// Replaces a file that only its owner may read; after a crash it is the old one or the new one.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let temporary: PathBuf = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn random_text(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
