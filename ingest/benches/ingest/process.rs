//! Servers in processes of their own, and what they say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use ff_ingest::{EventQuota, HashSecret, Ingest, IngestOptions};

/// A server of ours in a process of its own. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Serves until it is killed.
pub(crate) async fn serve_ingest(nats: &str) {
    let mut options = IngestOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), nats);
    options.key_quota = EventQuota::new(10_000_000, 10_000_000);
    options.organization_quota = options.key_quota;
    options.hash_secret = Some(HashSecret { epoch: 1, secret: "bench".into() });
    let ingest = Ingest::start(options).await.unwrap();
    println!("{}", ingest.address());
    std::future::pending::<()>().await;
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().expect("the server prints its address") }
    }

    pub(crate) fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        number_after(&status, "VmRSS:") / 1024.0
    }

    /// How many events its messages have had on average.
    pub(crate) async fn events_a_message(&self) -> f64 {
        let url = format!("http://{}/metrics", self.address);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        number_after(&text, "ff_ingest_message_events_sum")
            / number_after(&text, "ff_ingest_message_events_count")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number_after(text: &str, label: &str) -> f64 {
    text.lines()
        .find_map(|line| {
            line.trim().strip_prefix(label)?.split_whitespace().next()?.parse::<f64>().ok()
        })
        .expect("the number is there")
}
