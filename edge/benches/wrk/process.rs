//! Servers on core 0, `wrk` on core 1, and what both say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ff_edge::{Edge, EdgeOptions};

/// A request, as `wrk` sends it.
pub(crate) struct Wrk<'c> {
    pub(crate) path: &'c str,
    pub(crate) key: &'c str,
    pub(crate) body: Option<&'c str>,
    /// One more header.
    pub(crate) header: Option<(&'c str, &'c str)>,
}

/// Requests a second, and seconds of CPU for each of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) rate: f64,
    pub(crate) cpu: f64,
}

/// A server of ours in a process of its own. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Serves until it is killed.
pub(crate) async fn serve_edge(nats: &str, directory: &str) {
    let options = EdgeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), nats, directory);
    let edge = Edge::start(options).await.unwrap();
    println!("{}", edge.address());
    std::future::pending::<()>().await;
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe().unwrap())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().expect("the server prints its address") }
    }

    pub(crate) fn measure(&self, request: &Wrk<'_>, time: Duration, directory: &Path) -> Measured {
        let script = directory.join("request.lua");
        fs::write(&script, request.script()).unwrap();
        let before = self.cpu_seconds();
        let output = Command::new("taskset")
            .args(["-c", "1", "wrk", "-t1", "-c64", &format!("-d{}s", time.as_secs()), "-s"])
            .arg(&script)
            .arg(format!("http://{}{}", self.address, request.path))
            .output()
            .unwrap();
        let used = self.cpu_seconds() - before;
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("Non-2xx"), "{} is refused: {text}", request.path);
        let rate = number_after(&text, "Requests/sec:");
        let requests: f64 = text
            .lines()
            .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
            .expect("wrk says how many");
        Measured { rate, cpu: used / requests }
    }

    /// CPU used so far, by all threads.
    fn cpu_seconds(&self) -> f64 {
        // Fields 14 and 15 of /proc/pid/stat, in ticks of 10 ms; the name in field 2 may hold spaces.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }

    pub(crate) fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        number_after(&status, "VmRSS:") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Wrk<'_> {
    fn script(&self) -> String {
        let mut script = format!("wrk.headers[\"X-API-Key\"] = \"{}\"\n", self.key);
        if let Some((name, value)) = self.header {
            script += &format!("wrk.headers[\"{name}\"] = '{value}'\n");
        }
        if let Some(body) = self.body {
            script +=
                "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\n";
            script += &format!("wrk.body = '{body}'\n");
        }
        script
    }
}

fn number_after(text: &str, label: &str) -> f64 {
    text.lines()
        .find_map(|line| {
            line.trim().strip_prefix(label)?.split_whitespace().next()?.parse::<f64>().ok()
        })
        .expect("the number is there")
}
