//! The supervisor, with processes that do nothing or fail.

use std::{fs, net::TcpListener, path::Path};

use ff_stack::{
    ProcessSpec, Readiness, RestartPolicy, StackError, Supervisor, ports,
    supervisor::{State, SupervisorStatus},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{alive, eventually};

fn shell(directory: &Path, name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::new(name, "sh", directory.join(format!("{name}.log"))).args(["-c", script])
}

fn pid(supervisor: &Supervisor, name: &str) -> Option<i32> {
    let status = supervisor.status();
    let process =
        status.iter().find(|process| process.name == name && process.state == State::Running);
    process.and_then(|process| process.pid)
}

#[tokio::test]
async fn a_process_that_is_killed_is_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(directory.path()).unwrap();
    supervisor.spawn(shell(directory.path(), "sleeper", "exec sleep 1000")).await.unwrap();
    let first = pid(&supervisor, "sleeper").unwrap();
    let file = directory.path().join("run/sleeper.pid");
    assert!(fs::read_to_string(&file).unwrap().starts_with(&format!("{first} ")));

    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    eventually(async || pid(&supervisor, "sleeper").is_some_and(|pid| pid != first)).await;

    let written = SupervisorStatus::read(directory.path()).unwrap().unwrap();
    assert_eq!(written.processes, supervisor.status());
    assert_eq!(written.processes[0].restarts, 1);
    let second = pid(&supervisor, "sleeper").unwrap();
    supervisor.stop().await;
    assert!(!alive(second), "it should be gone");
    assert!(!file.exists());
}

#[tokio::test]
async fn one_that_is_not_to_be_restarted_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(directory.path()).unwrap();
    let mut spec = shell(directory.path(), "once", "exit 3");
    spec.restart = RestartPolicy::Never;
    supervisor.spawn(spec).await.unwrap();
    eventually(async || supervisor.status()[0].state == State::Ended).await;
    supervisor.stop().await;
}

#[tokio::test]
async fn processes_stop_in_the_reverse_order_and_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(directory.path()).unwrap();
    let order = directory.path().join("order");
    for name in ["first", "second"] {
        let port = ports::free_port();
        let script = format!(
            "trap 'echo {name} >> {}; kill $!; exit' TERM; \
             python3 -m http.server --bind 127.0.0.1 {port} & \
             while :; do wait; done",
            order.display()
        );
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        let spec = shell(directory.path(), name, &script).readiness(Readiness::Tcp(address));
        supervisor.spawn(spec).await.unwrap();
    }
    supervisor.stop().await;
    assert_eq!(fs::read_to_string(order).unwrap(), "second\nfirst\n");
}

#[tokio::test]
async fn what_is_in_the_way_is_said_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(directory.path()).unwrap();

    let port = ports::free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let address = listener.local_addr().unwrap();
    let spec =
        shell(directory.path(), "nats", "exec sleep 1000").readiness(Readiness::Tcp(address));
    let message = supervisor.spawn(spec).await.unwrap_err().to_string();
    let own = std::process::id();
    assert!(
        message.starts_with(&format!("port {port} for nats is in use by pid {own}")),
        "{message}"
    );

    let message = Supervisor::new(directory.path()).unwrap_err().to_string();
    assert!(
        message.ends_with(&format!("already runs as pid {own}: stop it with `kill {own}`")),
        "{message}"
    );

    let failing = shell(directory.path(), "failing", "echo no such luck; exit 3");
    let nobody = format!("127.0.0.1:{}", ports::free_port()).parse().unwrap();
    let error = supervisor.spawn(failing.readiness(Readiness::Tcp(nobody))).await.unwrap_err();
    assert!(error.to_string().contains("no such luck"), "{error}");

    let missing = ProcessSpec::new("missing", "/no/such/program", directory.path().join("log"));
    let error = supervisor.spawn(missing).await.unwrap_err();
    assert!(matches!(error, StackError::Spawn { .. }), "{error}");
    assert_eq!(supervisor.status(), []);
}
