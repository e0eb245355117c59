//! The folder `.local` of the working directory, where `ff up` keeps everything it makes.

use std::{fs, io, path::Path};

use anyhow::Context as _;
use ff_stack::write_private;
use rand::Rng as _;
use serde::{Deserialize, Serialize};

/// The folder.
pub const FOLDER: &str = ".local";
/// What `ff up` started, in the form of a configuration file.
pub const NOTED_SETTINGS: &str = ".local/ff.toml";
/// URLs, login and keys, to be sourced by scripts.
pub const ENVIRONMENT: &str = ".local/env";

/// What must stay the same from start to start, and secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// Signs sessions.
    pub jwt_secret: String,
    /// Password of the first owner.
    pub demo_password: String,
    /// Hashes private attributes.
    pub hash_secret: String,
    /// Seals the secrets of identity providers.
    pub sealing_secret: String,
}

impl Secrets {
    /// Reads the secrets of this folder, and makes those that are missing.
    pub fn load_or_make(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("secrets.toml");
        let mut secrets: Self = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| path.display().to_string())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let before = secrets.clone();
        for (secret, length) in [
            (&mut secrets.jwt_secret, 48),
            (&mut secrets.demo_password, 16),
            (&mut secrets.hash_secret, 48),
            (&mut secrets.sealing_secret, 48),
        ] {
            if secret.is_empty() {
                *secret = random_text(length);
            }
        }
        if secrets != before {
            fs::create_dir_all(folder)?;
            write_private(&path, &toml::to_string(&secrets)?)?;
        }
        Ok(secrets)
    }
}

fn random_text(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
