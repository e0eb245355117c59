//! What has to happen between fork and exec, and the thread that forks.
#![allow(unsafe_code, reason = "code between fork and exec can only be given as an unsafe hook")]

use std::{
    fs::File,
    io::{self, Write},
    os::unix::process::CommandExt,
    process::Command,
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    thread,
};

use nix::{
    sys::{prctl, signal::Signal},
    unistd::{getpid, getppid},
};

/// The id that stands for root inside a user namespace made for a server that refuses to be root.
const MAPPED_ID: u32 = 1000;

/// Has the child leave root behind in a user namespace of its own, in which the one id it had is
/// an ordinary one. Files it makes belong to root outside.
pub(super) fn enter_user_namespace(command: &mut Command) {
    let uid_map = format!("{MAPPED_ID} {} 1", nix::unistd::geteuid());
    let gid_map = format!("{MAPPED_ID} {} 1", nix::unistd::getegid());
    // SAFETY: the hook makes system calls and nothing else: it neither allocates nor takes locks,
    // which is what a child of a process with threads may do. Its strings were made before the fork.
    unsafe {
        command.pre_exec(move || {
            // SAFETY: a system call that reads no memory of ours.
            if libc::unshare(libc::CLONE_NEWUSER) != 0 {
                return Err(io::Error::last_os_error());
            }
            write(c"/proc/self/setgroups", b"deny")?;
            write(c"/proc/self/uid_map", uid_map.as_bytes())?;
            write(c"/proc/self/gid_map", gid_map.as_bytes())
        });
    }
}

/// Has the kernel signal the child when this process ends. To be set last: a change of identity
/// takes it back.
pub(super) fn die_with_parent(command: &mut Command, signal: Signal) {
    let parent = getpid();
    // SAFETY: two system calls, as above.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(signal)?;
            // The parent may have ended before the call: then nothing would be sent.
            if getppid() != parent {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe));
            }
            Ok(())
        });
    }
}

/// Opens and writes without allocating.
fn write(path: &std::ffi::CStr, content: &[u8]) -> io::Result<()> {
    use std::os::fd::FromRawFd;
    // SAFETY: the path is a valid C string.
    let descriptor = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just opened, and nothing else knows it.
    let mut file = unsafe { File::from_raw_fd(descriptor) };
    file.write_all(content)
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs a function on the one thread that starts processes, which never ends.
pub(super) fn on_spawning_thread<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    static THREAD: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("spawn".into())
            .spawn(move || jobs.into_iter().for_each(|job| job()))
            .expect("a process that can start children can start a thread");
        Mutex::new(sender)
    });
    let (answer, result) = mpsc::sync_channel(1);
    let job: Job = Box::new(move || {
        // The receiver is below, on a stack that cannot go away while it waits.
        let _ = answer.send(job());
    });
    let sent = thread.lock().unwrap_or_else(PoisonError::into_inner).send(job);
    sent.expect("the thread owns its receiver for ever");
    result.recv().expect("a job that starts a process does not panic")
}
