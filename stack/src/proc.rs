//! What `/proc` says about processes that are not our children.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// The name of a process's program, or `None` when there is no such process.
pub(crate) fn program(pid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// When a process started, in ticks since boot. With its id this names one process for ever,
/// while ids alone are used again.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything, spaces and parentheses too.
    let (_, after_name) = stat.rsplit_once(')')?;
    // Field 22 of the line, counted from the state, which is field 3.
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    // A zombie has ended; it only waits for its parent to look.
    (state != "Z").then(|| fields.nth(18)?.parse().ok()).flatten()
}

/// The processes whose working directory is this one.
pub(crate) fn inside(directory: &Path) -> Vec<i32> {
    let Ok(directory) = directory.canonicalize() else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory)
        })
        .collect()
}

/// Waits until no process has its working directory here, and returns one that still does.
pub(crate) async fn wait_until_left(directory: &Path, patience: Duration) -> Option<i32> {
    let started = Instant::now();
    loop {
        let pid = inside(directory).first().copied()?;
        if started.elapsed() > patience {
            return Some(pid);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_and_a_dead_one_is_not() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(start_time(own).is_some_and(|ticks| ticks > 0));
        assert!(program(own).is_some());
        assert_eq!(start_time(i32::MAX), None);
        assert!(inside(&std::env::current_dir().unwrap()).contains(&own));
    }
}
