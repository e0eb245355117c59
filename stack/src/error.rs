//! Why the local stack does not run.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use thiserror::Error;

use crate::{artifacts::ArtifactError, ports::Holder};

/// An operation on the local stack that failed. Each message is one line that says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StackError {
    /// A server binary is not there.
    #[error("could not get the program of {name}")]
    Artifact {
        /// The server.
        name: String,
        /// Why not.
        #[source]
        source: Box<ArtifactError>,
    },
    /// Somebody else listens where a server is to.
    #[error("port {port} for {name} is in use{}: {}", holder_clause(holder.as_ref()), port_remedy(name, holder.as_ref()))]
    PortInUse {
        /// The server that wants the port.
        name: String,
        /// The port.
        port: u16,
        /// Who has it, where the system lets us see that.
        holder: Option<Holder>,
    },
    /// Another supervisor works in the same directory.
    #[error("the stack in {} already runs as pid {pid}: stop it with `kill {pid}`", directory.display())]
    AlreadyRunning {
        /// The stack's directory.
        directory: PathBuf,
        /// The other supervisor.
        pid: i32,
    },
    /// The other supervisor does not stop.
    #[error("pid {pid} did not stop within {} s: see its log, or end it with `kill -9 {pid}`", patience.as_secs())]
    DoesNotStop {
        /// The other supervisor.
        pid: i32,
        /// How long was waited.
        patience: Duration,
    },
    /// A process from an earlier start is still there.
    #[error("{name} still runs as pid {pid} from an earlier start: stop it with `kill {pid}`")]
    Orphan {
        /// The server or service.
        name: String,
        /// Its process.
        pid: i32,
    },
    /// Two processes were given one name.
    #[error("a process named {name} runs already")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A process could not be started at all.
    #[error("could not start {name} from {}", program.display())]
    Spawn {
        /// The server or service.
        name: String,
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A process ended before it was ready.
    #[error("{name} ended ({status}) before it was ready: {last_words} (log: {})", log.display())]
    EndedEarly {
        /// The server or service.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        last_words: String,
        /// Its log.
        log: PathBuf,
    },
    /// A process runs and does not become ready.
    #[error("{name} was not ready within {} s: see {}", patience.as_secs(), log.display())]
    NotReady {
        /// The server or service.
        name: String,
        /// How long was waited.
        patience: Duration,
        /// Its log.
        log: PathBuf,
    },
    /// The data directory was written by another major version.
    #[error(
        "{} holds data of PostgreSQL {found}, this is {expected}: dump it with the old version and \
         restore it, or remove the directory",
        directory.display()
    )]
    DataVersion {
        /// The data directory.
        directory: PathBuf,
        /// The version that wrote it.
        found: String,
        /// The version that was to read it.
        expected: &'static str,
    },
    /// Dropping root is not enough to reach a file.
    #[error(
        "PostgreSQL does not run as root, and the user it runs as cannot enter {}: run as an \
         ordinary user, or keep {} where everyone may enter",
        barrier.display(), path.display()
    )]
    Unreachable {
        /// What has to be reached.
        path: PathBuf,
        /// The closed directory.
        barrier: PathBuf,
    },
    /// A name that would have to be quoted everywhere.
    #[error(
        "{value:?} is no name for a database or its user: use lower-case letters, digits and _"
    )]
    BadName {
        /// The name.
        value: String,
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
        source: io::Error,
    },
}

impl StackError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn artifact(name: &str) -> impl FnOnce(ArtifactError) -> Self {
        let name = name.to_owned();
        move |source| Self::Artifact { name, source: Box::new(source) }
    }
}

fn holder_clause(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by pid {} ({})", holder.pid, holder.program))
}

fn port_remedy(name: &str, holder: Option<&Holder>) -> String {
    let stop = holder.map_or_else(
        || "stop what listens there".to_owned(),
        |holder| format!("stop it with `kill {}`", holder.pid),
    );
    format!("{stop}, or give {name} another port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_port_holder_and_remedy() {
        let holder = Some(Holder { pid: 17, program: "nginx".into() });
        let error = StackError::PortInUse { name: "nats".into(), port: 4222, holder };
        assert_eq!(
            error.to_string(),
            "port 4222 for nats is in use by pid 17 (nginx): stop it with `kill 17`, \
             or give nats another port"
        );
    }
}
