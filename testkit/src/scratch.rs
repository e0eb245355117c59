//! The directory of this test binary, and the removal of those of earlier ones.
//!
//! A directory is in use while its owner holds a lock on a file in it. The kernel gives that up when
//! the owner ends, so that what a crashed test left is told from what another one works in.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

struct Scratch {
    path: PathBuf,
    _lock: File,
}

/// A directory for one server, which does not exist yet.
pub(crate) fn directory(name: &str) -> PathBuf {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let scratch = SCRATCH.get_or_init(|| crate::must(claim(), "make a directory for test servers"));
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    scratch.path.join(format!("{name}-{number}"))
}

fn claim() -> io::Result<Scratch> {
    let user = fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own))?;
    let root = env::temp_dir().join(format!("ff-testkit-{user}"));
    fs::create_dir_all(&root)?;
    // Held until this function ends, so that nobody takes a directory between its making and its
    // locking for an abandoned one.
    let guard = File::create(root.join("lock"))?;
    guard.lock()?;
    for entry in fs::read_dir(&root)?.flatten() {
        remove_if_abandoned(&entry.path());
    }
    let path = root.join(format!("{}-{:08x}", process::id(), rand::random::<u32>()));
    fs::create_dir(&path)?;
    let lock = File::create(path.join("lock"))?;
    lock.lock()?;
    Ok(Scratch { path, _lock: lock })
}

fn remove_if_abandoned(path: &Path) {
    if path.is_dir() && File::create(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
        // What cannot be removed now is tried again by the next binary.
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_removed() {
        let held = directory("held");
        let own = held.parent().unwrap();
        let root = env::temp_dir().join(format!("ff-testkit-unit-{}", process::id()));
        fs::create_dir_all(root.join("abandoned/data")).unwrap();
        remove_if_abandoned(&root.join("abandoned"));
        assert!(!root.join("abandoned").exists());
        remove_if_abandoned(own);
        assert!(own.exists());
        fs::remove_dir_all(root).unwrap();
    }
}
