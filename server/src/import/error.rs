//! What can go wrong with an import.

use std::path::PathBuf;

/// The file is not what flagd reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("the file is no JSON")]
    Json(#[source] serde_json::Error),
    #[error("the file has no `flags`")]
    NoFlags,
    #[error("{} not {expected}", if place.is_empty() { "the file is".to_owned() } else { format!("{place} is") })]
    Shape {
        /// A JSON pointer into the file.
        place: String,
        /// What belongs there.
        expected: &'static str,
    },
}

/// An import that ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("FF-6001: cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("FF-6001: {} holds no flagd definitions", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: FileError,
    },
    #[error("FF-6003: the control plane at {url} cannot be reached")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("FF-6003: the control plane refused {method} {path}: {status} {code} {detail}")]
    Refused { method: String, path: String, status: u16, code: String, detail: String },
    #[error("FF-6003: the control plane answered {path} with something else than expected")]
    Answer {
        path: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("FF-6003: no API token: give --token, or set FF_API_TOKEN")]
    NoToken,
    #[error("FF-6003: {key} is no key of an environment")]
    Environment {
        key: String,
        #[source]
        source: ff_domain::InvalidKey,
    },
    #[error("FF-6003: {0} is no URL of a control plane, such as http://localhost:8080")]
    Url(String),
}
