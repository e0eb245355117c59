//! Small files that are whole or not there, and readable by their owner alone.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use crate::StackError;

/// Writes a file that may hold a password: readable by its owner alone from the first moment, and after a crash the old
/// one or the new one.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, content: &str) -> Result<(), StackError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(StackError::io("write", path))
}

/// The password kept in a file, made up and written on the first call.
pub(crate) fn password(path: &Path) -> Result<String, StackError> {
    match fs::read_to_string(path) {
        Ok(password) => return Ok(password.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StackError::io("read", path)(error)),
    }
    if let Some(directory) = path.parent() {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(StackError::io("create the directory", directory))?;
    }
    let password = hex::encode(rand::random::<[u8; 24]>());
    write_private(path, &password)?;
    Ok(password)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_made_up_once_and_is_its_owner_s_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets/password");
        let made = password(&path).unwrap();
        assert_eq!(made.len(), 48);
        assert_eq!(password(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
