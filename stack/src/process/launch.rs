//! How a process is to be started.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;

use super::{Privileges, unix};

/// A command with what `std` does not know about: privileges, and what happens when we end.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    privileges: Privileges,
    death_signal: Signal,
}

impl Launch {
    /// A program with no arguments, no input and no output, that is killed when we end.
    #[must_use]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: Ctrl-C in a terminal reaches us alone, and we stop our children in order.
        command.process_group(0);
        Self { command, privileges: Privileges::Keep, death_signal: Signal::SIGKILL }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds environment variables to those we have.
    #[must_use]
    pub fn envs(
        mut self,
        vars: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.command.envs(vars);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Appends output and errors to a file.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn log(mut self, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.command.stdout(file.try_clone()?).stderr(file);
        Ok(self)
    }

    /// Feeds a file as input.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn input(mut self, path: &Path) -> io::Result<Self> {
        self.command.stdin(OpenOptions::new().read(true).open(path)?);
        Ok(self)
    }

    /// Sets what is given up before the program runs.
    #[must_use]
    pub fn privileges(mut self, privileges: Privileges) -> Self {
        self.privileges = privileges;
        self
    }

    /// Sets the signal the process gets when we end.
    #[must_use]
    pub fn death_signal(mut self, signal: Signal) -> Self {
        self.death_signal = signal;
        self
    }

    pub(super) fn into_command(mut self) -> Command {
        match self.privileges {
            Privileges::Keep => {}
            Privileges::Namespace => unix::enter_user_namespace(&mut self.command),
            Privileges::User { uid, gid } => {
                self.command.uid(uid.as_raw()).gid(gid.as_raw());
            }
        }
        unix::die_with_parent(&mut self.command, self.death_signal);
        self.command
    }
}
