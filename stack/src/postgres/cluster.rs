//! The data directory: made once, whole or not at all, and cleared of what a crash left.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Authentication, Durability, PostgresOptions};
use crate::{
    StackError,
    files::write_private,
    proc,
    process::{Launch, Privileges, Process},
};

/// The major version whose data this can read.
const MAJOR: &str = "18";

/// How long making a data directory may take on a slow disk.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long the last server on the data may take to end.
const LEAVING: Duration = Duration::from_secs(30);

/// The data directory under `directory`, made if it is not there.
pub(super) async fn ensure(
    options: &PostgresOptions,
    postgres: &Path,
    directory: &Path,
    privileges: Privileges,
) -> Result<PathBuf, StackError> {
    for path in [postgres, directory] {
        if let Some(barrier) = privileges.barrier(path) {
            return Err(StackError::Unreachable { path: path.to_owned(), barrier });
        }
    }
    let data = directory.join("data");
    if !data.exists() {
        create(options, postgres, directory, privileges).await?;
    }
    let version = data.join("PG_VERSION");
    let found = fs::read_to_string(&version).map_err(StackError::io("read", &version))?;
    if found.trim() != MAJOR {
        let found = found.trim().to_owned();
        return Err(StackError::DataVersion { directory: data, found, expected: MAJOR });
    }
    privileges.own(directory).map_err(StackError::io("change the owner of", directory))?;
    // A server that was killed, or told to end, may still be about to.
    proc::wait_until_left(&data, LEAVING).await;
    forget_stranger(&data)?;
    Ok(data)
}

/// Makes the directory under another name, and gives it its own when it is whole.
async fn create(
    options: &PostgresOptions,
    postgres: &Path,
    directory: &Path,
    privileges: Privileges,
) -> Result<(), StackError> {
    for name in [&options.user, &options.database] {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 63 || !name.chars().all(plain) {
            return Err(StackError::BadName { value: name.clone() });
        }
    }
    let unfinished = directory.join("data.unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(StackError::io("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(StackError::io("create the directory", &unfinished))?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o700))
        .map_err(StackError::io("restrict", &unfinished))?;

    let mut args = vec![
        format!("--pgdata={}", unfinished.display()),
        format!("--username={}", options.user),
        "--encoding=UTF8".to_owned(),
        // The same order of strings on every machine, whatever its C library.
        "--locale=C".to_owned(),
        "--locale-provider=builtin".to_owned(),
        "--builtin-locale=C.UTF-8".to_owned(),
        "--no-instructions".to_owned(),
    ];
    let password_file = directory.join("password.once");
    match &options.authentication {
        Authentication::Trust => args.push("--auth=trust".to_owned()),
        Authentication::Password(password) => {
            write_private(&password_file, password)?;
            args.push("--auth=scram-sha-256".to_owned());
            args.push(format!("--pwfile={}", password_file.display()));
        }
    }
    if options.durability == Durability::None {
        args.push("--no-sync".to_owned());
    }
    privileges.own(directory).map_err(StackError::io("change the owner of", directory))?;
    let log = directory.join("initdb.log");
    let initdb = postgres.with_file_name("initdb");
    let made = run(Launch::new(&initdb).args(args), "initdb", &initdb, &log, privileges).await;
    if password_file.exists() {
        fs::remove_file(&password_file).map_err(StackError::io("remove", &password_file))?;
    }
    made?;
    create_database(options, postgres, directory, &unfinished, &log, privileges).await?;

    let data = directory.join("data");
    fs::rename(&unfinished, &data).map_err(StackError::io("create", &data))?;
    let sync = fs::File::open(directory).and_then(|directory| directory.sync_all());
    sync.map_err(StackError::io("sync", directory))
}

/// Makes the first database with the server in single-user mode, which needs no port.
async fn create_database(
    options: &PostgresOptions,
    postgres: &Path,
    directory: &Path,
    data: &Path,
    log: &Path,
    privileges: Privileges,
) -> Result<(), StackError> {
    if options.database == "postgres" {
        return Ok(());
    }
    let script = directory.join("first.sql");
    fs::write(&script, format!("CREATE DATABASE {};\n", options.database))
        .map_err(StackError::io("write", &script))?;
    let mut args = vec!["--single", "-D", &*data.to_string_lossy()]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    if options.durability == Durability::None {
        args.push("-F".to_owned());
    }
    args.push("postgres".to_owned());
    let launch = Launch::new(postgres).args(args).input(&script);
    let launch = launch.map_err(StackError::io("read", &script))?;
    run(launch, "postgres --single", postgres, log, privileges).await?;
    fs::remove_file(&script).map_err(StackError::io("remove", &script))
}

/// Runs a program to its end.
async fn run(
    launch: Launch,
    name: &str,
    program: &Path,
    log: &Path,
    privileges: Privileges,
) -> Result<(), StackError> {
    let launch = launch.privileges(privileges).log(log).map_err(StackError::io("open", log))?;
    let process = Process::spawn(launch).map_err(|source| StackError::Spawn {
        name: name.to_owned(),
        program: program.to_owned(),
        source,
    })?;
    let status = tokio::time::timeout(PATIENCE, process.wait()).await.map_err(|_| {
        StackError::NotReady { name: name.to_owned(), patience: PATIENCE, log: log.to_owned() }
    })?;
    if status.success() {
        return Ok(());
    }
    Err(StackError::EndedEarly {
        name: name.to_owned(),
        status,
        last_words: crate::server::last_words(log),
        log: log.to_owned(),
    })
}

/// Removes a pid file whose number no longer belongs to a server on this data.
///
/// PostgreSQL sees by itself when there is no such process, but takes any that exists for a server: a
/// stranger that got the number, which after a restart of the machine or of a container is likely, and
/// a dead one that nobody has reaped. It would refuse to start for ever. Whoever serves this data works
/// in its directory: when nobody does, the file is stale.
fn forget_stranger(data: &Path) -> Result<(), StackError> {
    let file = data.join("postmaster.pid");
    let Ok(content) = fs::read_to_string(&file) else { return Ok(()) };
    let pid = content.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
    if let Some(pid) = pid
        && let Some(program) = proc::program(pid)
        && proc::inside(data).is_empty()
    {
        tracing::warn!(
            pid,
            program,
            "removing a stale postmaster.pid: that is no server on this data"
        );
        fs::remove_file(&file).map_err(StackError::io("remove", &file))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_with_the_number_of_a_stranger_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("postmaster.pid");
        fs::write(&file, format!("{}\n/somewhere\n", std::process::id())).unwrap();
        forget_stranger(data.path()).unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn a_pid_file_of_a_process_that_is_gone_is_left_to_postgres() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("postmaster.pid");
        fs::write(&file, "2147483647\n/somewhere\n").unwrap();
        forget_stranger(data.path()).unwrap();
        assert!(file.exists());
    }
}
