//! A ClickHouse-compatible HTTP server over chDB.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use ff_stack::{
    chdb::{Engine, serve},
    supervisor::asked_to_end,
};
use tokio::net::TcpListener;

/// Answers ClickHouse's HTTP interface from an engine inside this process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen. There are no users: whoever gets here may do everything.
    #[arg(long, env = "FF_CHDB_LISTEN", default_value = "127.0.0.1:8123")]
    listen: SocketAddr,
    /// The directory that holds the data.
    #[arg(long, env = "FF_CHDB_PATH")]
    path: PathBuf,
    /// The library libchdb.so.
    #[arg(long, env = "FF_CHDB_LIB")]
    lib: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { listen, path, lib } = arguments;
    // Before the engine is started: a second server must not touch the data.
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"))?;
    let engine = tokio::task::spawn_blocking(move || Engine::start(&lib, &path)).await??;
    tracing::info!(%listen, "ready");
    let stop = async {
        if let Err(error) = asked_to_end().await {
            tracing::error!(%error, "could not listen to signals, and end at once");
        }
    };
    serve(engine, listener, stop).await.context("could not serve")
}
