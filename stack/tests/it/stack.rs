//! The whole stack, and the end of its supervisor.

use std::{path::Path, process::Stdio};

use async_nats::jetstream::{self, stream};
use ff_stack::{
    ClickHouseSource, NatsSource, PostgresSource, RedisSource, RunningStack, Stack, StackOptions,
    ports,
    supervisor::{self, SupervisorStatus},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};

use crate::{SOON, alive, eventually};

/// Names the directory of a stack to the copy of this program that is to be killed.
const DIRECTORY: &str = "FF_STACK_TEST_DIRECTORY";
const PORTS: &str = "FF_STACK_TEST_PORTS";

async fn start(directory: &Path, ports: &[u16]) -> RunningStack {
    let [nats, postgres, clickhouse, redis] = ports else { panic!("four ports") };
    let options = StackOptions {
        nats: NatsSource::Managed { port: *nats },
        postgres: PostgresSource::Managed {
            port: *postgres,
            name: "flags".into(),
            user: "ff".into(),
            password: None,
        },
        clickhouse: ClickHouseSource::Managed {
            port: *clickhouse,
            program: Some(env!("CARGO_BIN_EXE_ff-chdb").into()),
        },
        redis: RedisSource::Managed { port: *redis },
    };
    Stack::new(directory, options).start().await.unwrap()
}

/// Not a test by itself: runs a stack until it is killed, for the test below.
#[tokio::test]
#[ignore = "started by another test, in a process of its own"]
async fn run_until_killed() {
    let (Ok(directory), Ok(ports)) = (std::env::var(DIRECTORY), std::env::var(PORTS)) else {
        return;
    };
    let ports: Vec<u16> = ports.split(',').map(|port| port.parse().unwrap()).collect();
    let _running = start(directory.as_ref(), &ports).await;
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn kill_9_of_the_supervisor_takes_the_servers_along_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let ports = [(); 4].map(|()| ports::free_port());
    let mut supervisor = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "stack::run_until_killed"])
        .env(DIRECTORY, directory)
        .env(PORTS, ports.map(|port| port.to_string()).join(","))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let up = async || {
        let status = SupervisorStatus::read(directory).ok().flatten();
        status.is_some_and(|status| {
            let running =
                |process: &&supervisor::ProcessStatus| process.state == supervisor::State::Running;
            status.processes.iter().filter(running).count() == 4
        })
    };
    eventually(up).await;
    let before = SupervisorStatus::read(directory).unwrap().unwrap().processes;

    let url = format!("nats://127.0.0.1:{}", ports[0]);
    let jetstream = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config =
        stream::Config { name: "S".into(), subjects: vec!["s".into()], ..Default::default() };
    jetstream.create_stream(config).await.unwrap();
    jetstream.publish("s", "kept".into()).await.unwrap().await.unwrap();

    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    for process in before {
        let pid = process.pid.unwrap();
        eventually(async || !alive(pid)).await;
    }
    assert_eq!(supervisor::running(directory).unwrap(), None);

    let running = start(directory, &ports).await;
    let jetstream = jetstream::new(async_nats::connect(&running.nats_url).await.unwrap());
    let stream = jetstream.get_stream("S").await.unwrap();
    assert_eq!(&stream.get_raw_message(1).await.unwrap().payload[..], b"kept");
    let mut database = PgConnection::connect(&running.database.url()).await.unwrap();
    database.ping().await.unwrap();
    let ping = reqwest::get(format!("{}/ping", running.clickhouse_url)).await.unwrap();
    assert_eq!(ping.text().await.unwrap(), "Ok.\n");
    assert_eq!(running.redis, Some(("127.0.0.1".to_owned(), ports[3])));
    assert!(ff_stack::Readiness::Redis(([127, 0, 0, 1], ports[3]).into()).check().await);

    // A server that is killed comes back, while the others stay.
    let postgres = |running: &RunningStack| {
        let status = running.supervisor().status();
        let process = status.into_iter().find(|process| process.name == "postgres").unwrap();
        (process.state == supervisor::State::Running).then_some(process.pid).flatten()
    };
    let first = postgres(&running).unwrap();
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    eventually(async || postgres(&running).is_some_and(|pid| pid != first)).await;
    let again = PgConnection::connect(&running.database.url()).await;
    again.unwrap().ping().await.unwrap();

    let stopped = tokio::time::timeout(SOON, running.stop()).await;
    assert!(stopped.is_ok());
    assert!(ports.iter().all(|&port| ports::is_free(port)));
}
