//! A platform started by `ff up` on free ports.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{Api, ClickHouse, Ingest};

/// A running platform. Stopped, and its folder deleted, when dropped.
#[derive(Debug)]
pub struct Platform {
    folder: tempfile::TempDir,
    ports: BTreeMap<&'static str, u16>,
    settings: Vec<(String, String)>,
}

const LISTENERS: [&str; 6] = [
    "FF_CONTROL_LISTEN",
    "FF_EDGE_LISTEN",
    "FF_INGEST_LISTEN",
    "FF_WRITER_LISTEN",
    "FF_ANALYTICS_LISTEN",
    "FF_PROJECTOR_LISTEN",
];
/// JetStream sets aside all that a stream may ever hold, and a machine that tests has no tens of gigabytes to spare.
const STREAM_BYTES: (&str, &str) = ("FF_INGEST_STREAM_BYTES", "2147483648");
const SERVERS: [&str; 3] =
    ["FF_STACK_NATS_PORT", "FF_STACK_POSTGRES_PORT", "FF_STACK_CLICKHOUSE_PORT"];

impl Platform {
    /// Starts one, and waits until it is ready.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// Starts one with these variables, such as the address of a server of the test's own.
    pub fn start_with(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let ports = LISTENERS
            .iter()
            .chain(&SERVERS)
            .map(|name| (*name, ff_testkit::ports::free_port()))
            .collect();
        let settings = [STREAM_BYTES]
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let platform = Self { folder: tempfile::tempdir()?, ports, settings };
        platform.up()?;
        Ok(platform)
    }

    /// `ff up` in its folder.
    pub fn up(&self) -> anyhow::Result<()> {
        let output = self.ff(&["up"])?;
        ensure!(output.status.success(), "ff up failed: {}\n{}", text(&output), self.logs());
        Ok(())
    }

    /// Runs the binary in its folder, with its ports.
    pub fn ff(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(self.command(arguments)?.output()?)
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, port) in &self.ports {
            let value = if LISTENERS.contains(name) {
                format!("127.0.0.1:{port}")
            } else {
                port.to_string()
            };
            command.env(name, value);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// One service without the rest, until it is dropped.
    pub fn start_alone(&self, service: &str) -> anyhow::Result<Alone> {
        Ok(Alone(self.command(&[service])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    /// The port that a variable names.
    pub(crate) fn port(&self, variable: &str) -> u16 {
        self.ports[variable]
    }

    /// The folder it runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `.local/env` says.
    pub fn environment(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let path = self.folder.path().join(".local/env");
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
            .collect())
    }

    /// One value of `.local/env`.
    pub fn value(&self, name: &str) -> anyhow::Result<String> {
        self.environment()?.remove(name).with_context(|| format!("{name} is not in .local/env"))
    }

    /// The control plane, as the demo's owner.
    pub async fn api(&self) -> anyhow::Result<Api> {
        let (email, password) = (self.value("FF_DEMO_EMAIL")?, self.value("FF_DEMO_PASSWORD")?);
        Api::log_in(&self.value("FF_CONTROL_URL")?, &email, &password).await
    }

    /// The ingestor, with the demo's server key.
    pub fn ingest(&self) -> anyhow::Result<Ingest> {
        Ingest::new(&self.value("FF_INGEST_URL")?, &self.value("FF_DEMO_SERVER_KEY")?)
    }

    /// ClickHouse, or what stands in for it.
    pub fn clickhouse(&self) -> ClickHouse {
        let own = self.settings.iter().find(|(name, _)| name == "FF_CLICKHOUSE_URL");
        let port = self.ports["FF_STACK_CLICKHOUSE_PORT"];
        let url = own.map_or_else(|| format!("http://127.0.0.1:{port}"), |(_, url)| url.clone());
        ClickHouse::new(url)
    }

    /// Runs `ff demo traffic`, and answers what it said.
    pub fn traffic(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.ff(&[&["demo", "traffic"], arguments].concat())?;
        ensure!(output.status.success(), "ff demo traffic: {}\n{}", text(&output), self.logs());
        Ok(text(&output))
    }

    /// Process ids of what runs, by name, as `ff ps` tells them.
    pub fn pids(&self) -> anyhow::Result<BTreeMap<String, i32>> {
        let output = self.ff(&["ps"])?;
        ensure!(output.status.success(), "ff ps failed: {}", text(&output));
        let mut pids = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines().skip(1) {
            let mut columns = line.split_whitespace();
            if let (Some(name), Some(Ok(pid))) = (columns.next(), columns.next().map(str::parse)) {
                pids.insert(name.to_owned(), pid);
            }
        }
        Ok(pids)
    }

    /// SIGKILL to one process.
    pub fn kill(&self, name: &str) -> anyhow::Result<()> {
        let pid = *self.pids()?.get(name).with_context(|| format!("no process {name}"))?;
        kill(pid)
    }

    /// SIGKILL to everything, the supervisor first, so that nothing is started again.
    pub fn kill_everything(&self) -> anyhow::Result<()> {
        let mut pids = self.pids()?;
        if let Some(supervisor) = pids.remove("supervisor") {
            kill(supervisor)?;
        }
        for pid in pids.into_values() {
            // Children die with their supervisor, perhaps before it is their turn.
            let _ = kill(pid);
        }
        Ok(())
    }

    /// The last lines of every log, for the message of a failed test.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for entry in
            std::fs::read_dir(self.folder.path().join(".local/log")).into_iter().flatten().flatten()
        {
            let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(15).collect();
            all.push_str(&format!("--- {}\n", entry.path().display()));
            all.extend(tail.into_iter().rev().flat_map(|line| [line, "\n"]));
        }
        all
    }
}

/// A service that runs by itself.
#[derive(Debug)]
pub struct Alone(std::process::Child);

impl Drop for Alone {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has seen in other ways.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // Nothing useful can be done about a failure here; the children die with the test in any case.
        let _ = self.ff(&["down"]);
    }
}

fn kill(pid: i32) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
    ensure!(status.success(), "kill {pid} failed");
    Ok(())
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The binary under test: beside this test's own executable, or what `FF_BIN` names.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("FF_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let path =
        test.parent().and_then(Path::parent).context("a test is two folders deep")?.join("ff");
    if !path.is_file() {
        bail!(
            "{} is missing: run `cargo build -p ff-server -p ff-stack --bins` first",
            path.display()
        );
    }
    Ok(path)
}
