//! The copy on disk: one file for each environment, so that an edge starts and serves without NATS.
//!
//! A file is a checksum, a head, and the objects as they were published. It is written beside the newest one and
//! takes its place by renaming; the newest one before stays as the previous. Whatever a crash or a bad disk leaves
//! behind, one of the two is whole, because a file that is not is recognised and passed over.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ff_evaluator::wire::{Head, ObjectKind};
use sha2::{Digest as _, Sha256};

use crate::held::{Held, Objects};
use crate::metrics::Metrics;

const MAGIC: &str = "ff-edge-config-1";
const NEWEST: &str = "config";
const PREVIOUS: &str = "previous";
const UNFINISHED: &str = "unfinished";

/// The config of an environment as it is on disk.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) environment: Arc<str>,
    pub(crate) head: Head,
    pub(crate) held: Held,
}

/// Makes the directory, and tries whether it can be written to.
pub(crate) fn prepare(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let probe = directory.join(".probe");
    File::create(&probe)?;
    fs::remove_file(&probe)
}

/// Writes an environment's config, whole and synced, before it takes the place of the one before.
pub(crate) fn write(
    directory: &Path,
    environment: &str,
    head: &Head,
    objects: &Objects,
) -> io::Result<()> {
    let path = |extension: &str| directory.join(format!("{environment}.{extension}"));
    let bytes = encode(environment, head, objects);
    let mut file = File::create(path(UNFINISHED))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    match fs::rename(path(NEWEST), path(PREVIOUS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(path(UNFINISHED), path(NEWEST))?;
    File::open(directory)?.sync_all()
}

/// Reads the newest whole copy of every environment.
pub(crate) fn read_all(directory: &Path, metrics: &Metrics) -> Vec<Copy> {
    let mut names: Vec<String> = match fs::read_dir(directory) {
        Ok(entries) => entries
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let extension = path.extension()?.to_str()?;
                let copy = extension == NEWEST || extension == PREVIOUS;
                copy.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
            })
            .collect(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the copy of the config cannot be read, waiting for NATS"
            );
            return Vec::new();
        }
    };
    names.sort_unstable();
    names.dedup();
    names.iter().filter_map(|name| read(directory, name, metrics)).collect()
}

fn read(directory: &Path, environment: &str, metrics: &Metrics) -> Option<Copy> {
    [NEWEST, PREVIOUS].into_iter().find_map(|extension| {
        let path: PathBuf = directory.join(format!("{environment}.{extension}"));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                metrics.disk_corrupt.increment(1);
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    file = %path.display(),
                    "a copy of the config cannot be read"
                );
                return None;
            }
        };
        let copy = decode(&bytes).filter(|copy| &*copy.environment == environment);
        if copy.is_none() {
            metrics.disk_corrupt.increment(1);
            tracing::error!(file = %path.display(), "a copy of the config is damaged, passing it over");
        }
        copy
    })
}

fn encode(environment: &str, head: &Head, objects: &Objects) -> Vec<u8> {
    let size: usize = objects.values().map(|bytes| bytes.len() + 64).sum();
    let mut body = Vec::with_capacity(size + 256);
    let line = |body: &mut Vec<u8>, fields: std::fmt::Arguments<'_>| {
        writeln!(body, "{fields}").expect("writing into memory cannot fail");
    };
    line(&mut body, format_args!("{environment} {} {}", head.position, head.hash));
    for ((kind, name), bytes) in objects {
        line(&mut body, format_args!("{} {name} {}", kind.as_str(), bytes.len()));
        body.extend_from_slice(bytes);
        body.push(b'\n');
    }
    let mut file = format!("{MAGIC} {}\n", hex::encode(Sha256::digest(&body))).into_bytes();
    file.append(&mut body);
    file
}

fn decode(file: &[u8]) -> Option<Copy> {
    let (first, body) = take_line(file)?;
    let checksum = first.strip_prefix(MAGIC)?.trim_start();
    if hex::encode(Sha256::digest(body)) != checksum {
        return None;
    }
    let (second, mut rest) = take_line(body)?;
    let mut fields = second.split(' ');
    let environment: Arc<str> = fields.next()?.into();
    let head = Head { position: fields.next()?.to_owned(), hash: fields.next()?.to_owned() };
    let mut objects = Objects::new();
    while !rest.is_empty() {
        let (line, after) = take_line(rest)?;
        let mut fields = line.split(' ');
        let kind = kind(fields.next()?)?;
        let name: Arc<str> = fields.next()?.into();
        let length: usize = fields.next()?.parse().ok()?;
        objects.insert((kind, name), Bytes::copy_from_slice(after.get(..length)?));
        rest = after.get(length + 1..)?;
    }
    let held = Held::whole(objects, &head).ok()?;
    Some(Copy { environment, head, held })
}

fn take_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

/// Reads the name of a kind of object.
pub(crate) fn kind(name: &str) -> Option<ObjectKind> {
    ObjectKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

#[cfg(test)]
mod tests {
    use ff_evaluator::wire::ConfigHash;

    use super::*;

    fn config(value: &'static str) -> (Head, Objects) {
        let name = (ObjectKind::Flag, Arc::from("f1"));
        let mut hash = ConfigHash::default();
        hash.put(ObjectKind::Flag, "f1", value.as_bytes());
        let head = Head { position: "7".to_owned(), hash: hash.hex() };
        (head, Objects::from([(name, Bytes::from(value))]))
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        for value in ["one", "two\nlines"] {
            let (head, objects) = config(value);
            write(directory.path(), "env", &head, &objects).unwrap();
            let copies = read_all(directory.path(), &metrics);
            assert_eq!(copies.len(), 1);
            assert_eq!((&*copies[0].environment, &copies[0].head), ("env", &head));
            assert_eq!(copies[0].held.objects, objects);
        }
    }

    #[test]
    fn every_torn_or_altered_file_is_passed_over_for_the_previous() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        let (old, old_objects) = config("old");
        let (new, new_objects) = config("new");
        write(directory.path(), "env", &old, &old_objects).unwrap();
        write(directory.path(), "env", &new, &new_objects).unwrap();
        let newest = directory.path().join("env.config");
        let whole = fs::read(&newest).unwrap();
        for length in 0..whole.len() {
            fs::write(&newest, &whole[..length]).unwrap();
            assert_eq!(read_all(directory.path(), &metrics)[0].head, old, "{length} bytes");
        }
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&newest, &altered).unwrap();
            assert_eq!(read_all(directory.path(), &metrics)[0].head, old, "byte {at}");
        }
        fs::remove_file(&newest).unwrap();
        assert_eq!(read_all(directory.path(), &metrics)[0].head, old);
        fs::write(&newest, &whole).unwrap();
        assert_eq!(read_all(directory.path(), &metrics)[0].head, new);
    }
}
