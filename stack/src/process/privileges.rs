//! Not being root, for a server that refuses to be.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use nix::unistd::{Gid, Uid, User, geteuid};

use super::unix;

/// What a child gives up before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// Nothing: it runs as the user we are.
    Keep,
    /// Root, by entering a user namespace in which its id is an ordinary one. Its files stay ours.
    Namespace,
    /// Root, by becoming another user.
    User {
        /// The other user's id.
        uid: Uid,
        /// The other user's group.
        gid: Gid,
    },
}

impl Privileges {
    /// The way not to be root on this machine: nothing to do for an ordinary user, else a user
    /// namespace, else, where those are not allowed, the user `nobody`.
    #[must_use]
    pub fn unprivileged() -> Self {
        static FOUND: OnceLock<Privileges> = OnceLock::new();
        *FOUND.get_or_init(|| {
            if !geteuid().is_root() {
                Self::Keep
            } else if namespaces_work() {
                Self::Namespace
            } else {
                let nobody = User::from_name("nobody").ok().flatten();
                let (uid, gid) = nobody.map_or_else(
                    || (Uid::from_raw(65534), Gid::from_raw(65534)),
                    |user| (user.uid, user.gid),
                );
                Self::User { uid, gid }
            }
        })
    }

    /// Makes a directory and all in it usable for a child with these privileges.
    ///
    /// # Errors
    /// When ownership cannot be changed.
    pub fn own(self, directory: &Path) -> io::Result<()> {
        match self {
            Self::Keep | Self::Namespace => Ok(()),
            Self::User { uid, gid } => own_tree(directory, uid, gid),
        }
    }

    /// The first directory on the way to a path that a child with these privileges cannot enter.
    #[must_use]
    pub fn barrier(self, path: &Path) -> Option<PathBuf> {
        let Self::User { uid, .. } = self else { return None };
        let ancestors: Vec<&Path> = path.ancestors().skip(1).collect();
        let closed = |directory: &&&Path| {
            fs::metadata(directory).is_ok_and(|metadata| {
                let bit = if metadata.uid() == uid.as_raw() { 0o100 } else { 0o001 };
                metadata.permissions().mode() & bit == 0
            })
        };
        ancestors.iter().rev().find(closed).map(|directory| directory.to_path_buf())
    }
}

/// Whether a child may make a user namespace, found by letting one do so.
fn namespaces_work() -> bool {
    unix::on_spawning_thread(|| {
        let mut probe = Command::new("true");
        unix::enter_user_namespace(&mut probe);
        probe.status().is_ok_and(|status| status.success())
    })
}

fn own_tree(path: &Path, uid: Uid, gid: Gid) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    if metadata.uid() != uid.as_raw() {
        chown(path, Some(uid.as_raw()), Some(gid.as_raw()))?;
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            own_tree(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}
