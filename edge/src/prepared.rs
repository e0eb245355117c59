//! A response body made once and sent many times, plain or compressed.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// A body, and its compressed form once someone asked for it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl Prepared {
    pub(crate) fn new(plain: Vec<u8>) -> Self {
        Self { plain: plain.into(), gzip: OnceLock::new() }
    }

    /// The body compressed, if that was done before.
    pub(crate) fn gzip_if_ready(&self) -> Option<Bytes> {
        self.gzip.get().cloned()
    }

    /// The body compressed. Takes some milliseconds for each megabyte, the first time.
    pub(crate) fn gzip(&self) -> Bytes {
        self.gzip
            .get_or_init(|| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&self.plain).expect("writing into memory cannot fail");
                encoder.finish().expect("writing into memory cannot fail").into()
            })
            .clone()
    }
}
