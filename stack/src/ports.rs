//! TCP ports on this machine: free ones, and who has one that is not.

use std::{
    collections::HashSet,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{Mutex, PoisonError},
};

use rand::Rng;

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// The name of its program.
    pub program: String,
}

/// A port on which nobody listens and which this process has not handed out before.
///
/// It lies below the range from which the system takes ports for outgoing connections, so that none
/// of those can take it before a server does.
///
/// # Panics
/// When a thousand ports in a row are taken, which means that something is wrong with the machine.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    (0..1000)
        .map(|_| rand::rng().random_range(15_000..32_000))
        .find(|&port| !given.contains(&port) && is_free(port) && given.insert(port))
        .expect("a machine has a free port among a thousand")
}

/// Whether a server could listen on this port of the loopback address.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

/// Who listens on a port: `None` when nobody does, or when it is not ours to see.
#[must_use]
pub fn holder(port: u16) -> Option<Holder> {
    let sockets = listening_sockets(port);
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find_map(|pid: i32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        open.filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|target| target.to_str().is_some_and(|target| sockets.contains(target)))
            .then(|| Holder { pid, program: crate::proc::program(pid).unwrap_or_default() })
    })
}

/// The loopback address with a port.
#[must_use]
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The `socket:[inode]` names of the sockets that listen on a port.
fn listening_sockets(port: u16) -> HashSet<String> {
    const LISTEN: &str = "0A";
    let local_port = format!(":{port:04X}");
    let mut sockets = HashSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(Path::new(table)).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..]
                && state == LISTEN
                && local.ends_with(&local_port)
            {
                sockets.insert(format!("socket:[{inode}]"));
            }
        }
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_its_port() {
        let port = free_port();
        assert_eq!(holder(port), None);
        let listener = TcpListener::bind(loopback(port)).unwrap();
        assert!(!is_free(port));
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(holder(port).map(|holder| holder.pid), Some(own));
        drop(listener);
        assert!(is_free(port));
    }

    #[test]
    fn no_port_is_handed_out_twice() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 50);
    }
}
