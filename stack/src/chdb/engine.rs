//! The engine: one per process, on one data directory.
//!
//! Every request gets a connection of its own, which costs half a millisecond and leaves nothing
//! behind: settings and the current database belong to a connection.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;
use tokio::sync::Semaphore;

use super::ffi::{Connection, Functions};

/// How many queries run at once; the others wait. Each may use every core by itself.
const CONCURRENT_QUERIES: usize = 16;

/// The running engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    slots: Arc<Semaphore>,
}

struct Inner {
    functions: Functions,
    directory: String,
    uploads: PathBuf,
    /// Keeps the engine running between requests: it stops with its last connection.
    _anchor: Connection,
}

/// Why the engine does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The library is not there, or is another one.
    #[error("could not load {}", path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: libloading::Error,
    },
    /// The data directory cannot be used.
    #[error("could not prepare the data directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The name of the data directory is not text.
    #[error("the data directory {} has a name that is not UTF-8: choose another", path.display())]
    DirectoryName {
        /// The directory.
        path: PathBuf,
    },
    /// The engine refused to start.
    #[error("the engine does not start on {directory}: see whether another one works there")]
    Start {
        /// The data directory.
        directory: String,
    },
}

/// Statements to run on a fresh connection.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Statements that prepare the connection, in order.
    pub(super) prelude: Vec<String>,
    /// The statement whose rows are wanted.
    pub(super) sql: String,
    /// The format of those rows, unless the statement names one.
    pub(super) format: String,
    /// Values for `{name:Type}` in the statement, as ClickHouse's text format escapes them.
    pub(super) parameters: Vec<(String, String)>,
}

/// What a script brought.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) rows_read: u64,
    pub(super) bytes_read: u64,
}

impl Engine {
    /// Loads the library and starts the engine.
    ///
    /// # Errors
    /// When the library cannot be loaded or the engine does not start on the directory.
    pub fn start(library: &Path, directory: &Path) -> Result<Self, EngineError> {
        let error = |source| EngineError::Directory { path: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(error)?;
        let directory = directory.canonicalize().map_err(error)?;
        let uploads = directory.join("uploads");
        // What a killed process left in the middle of an insert.
        if uploads.exists() {
            fs::remove_dir_all(&uploads).map_err(error)?;
        }
        fs::create_dir(&uploads).map_err(error)?;
        let Some(name) = directory.to_str().map(str::to_owned) else {
            return Err(EngineError::DirectoryName { path: directory });
        };
        let functions = Functions::load(library)
            .map_err(|source| EngineError::Load { path: library.to_owned(), source })?;
        let anchor = Connection::open(functions, &name)
            .ok_or_else(|| EngineError::Start { directory: name.clone() })?;
        let inner = Inner { functions, directory: name, uploads, _anchor: anchor };
        let slots = Arc::new(Semaphore::new(CONCURRENT_QUERIES));
        Ok(Self { inner: Arc::new(inner), slots })
    }

    /// Runs a script; the engine's message when it fails.
    pub(super) async fn run(&self, script: Script) -> Result<Answer, String> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let inner = Arc::clone(&self.inner);
        let run = move || {
            // Held here and not by the caller, who may hang up while the query goes on.
            let _slot = slot;
            inner.run(&script)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(answer) => answer,
            Err(error) => Err(format!("the query was interrupted: {error}")),
        }
    }

    /// A path for a file that holds the rows of an insert.
    pub(super) fn upload_path(&self) -> PathBuf {
        self.inner.uploads.join(format!("{:016x}", rand::random::<u64>()))
    }
}

impl Inner {
    fn run(&self, script: &Script) -> Result<Answer, String> {
        let mut connection = Connection::open(self.functions, &self.directory)
            .ok_or("the engine gives no more connections")?;
        for statement in &script.prelude {
            execute(&mut connection, statement, "Null", &[])?;
        }
        execute(&mut connection, &script.sql, &script.format, &script.parameters)
    }
}

fn execute(
    connection: &mut Connection,
    sql: &str,
    format: &str,
    parameters: &[(String, String)],
) -> Result<Answer, String> {
    let output =
        connection.query(sql.as_bytes(), format, parameters).ok_or("the engine gave no answer")?;
    // A query that fails half-way has rows and an error: the error counts.
    match output.error() {
        Some(message) => Err(message),
        None => Ok(Answer {
            body: output.bytes().to_vec(),
            rows_read: output.rows_read(),
            bytes_read: output.bytes_read(),
        }),
    }
}
