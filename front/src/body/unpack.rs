//! Decompressing a body, piece by piece: whatever it would become, no more than the limits allow ever exists.

use std::io::Read;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::{BodyError, BodyLimits};

/// How much is decompressed at a time, and how much is free of the limit on the ratio.
const PIECE: usize = 64 * 1024;
/// The largest window that a zstd body may ask for, as a power of two: 8 MiB.
const WINDOW: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    /// What the headers say. One of those that are known, and not several on top of each other.
    ///
    /// # Errors
    /// [`BodyError::Encoding`].
    pub fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let mut all = headers.get_all(CONTENT_ENCODING).iter();
        let Some(first) = all.next() else { return Ok(Self::Identity) };
        if all.next().is_some() {
            return Err(BodyError::Encoding);
        }
        match first.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(BodyError::Encoding),
        }
    }
}

/// The body as it was before it was compressed. `room` is asked before each piece whether there is memory for so many
/// bytes more.
///
/// # Errors
/// [`BodyError::TooLarge`], [`BodyError::Ratio`], [`BodyError::Compression`] and [`BodyError::NoRoom`].
pub fn unpack(
    encoding: Encoding,
    body: Bytes,
    limits: &BodyLimits,
    room: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read(MultiGzDecoder::new(&body[..]), "gzip", body.len(), limits, room),
        Encoding::Zstd => {
            let broken = |_| BodyError::Compression("zstd");
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(broken)?;
            decoder.window_log_max(WINDOW).map_err(broken)?;
            read(decoder, "zstd", body.len(), limits, room)
        }
    }
}

fn read(
    mut decoder: impl Read,
    name: &'static str,
    packed: usize,
    limits: &BodyLimits,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    let fair = packed.saturating_mul(limits.ratio).max(PIECE);
    let mut out = Vec::new();
    loop {
        if !room(PIECE) {
            return Err(BodyError::NoRoom);
        }
        let before = out.len();
        let piece = decoder.by_ref().take(PIECE as u64).read_to_end(&mut out);
        piece.map_err(|_| BodyError::Compression(name))?;
        match out.len() {
            length if length > limits.bytes => return Err(BodyError::TooLarge(limits.bytes)),
            length if length > fair => return Err(BodyError::Ratio(limits.ratio)),
            length if length == before => return Ok(out.into()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::http::HeaderValue;

    use super::*;

    const MIB: usize = 1024 * 1024;
    const LIMITS: BodyLimits = BodyLimits::new(MIB);

    fn gzip(body: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zstd(body: &[u8]) -> Bytes {
        zstd::encode_all(body, 3).unwrap().into()
    }

    fn both(body: &[u8]) -> [(Encoding, Bytes); 2] {
        [(Encoding::Gzip, gzip(body)), (Encoding::Zstd, zstd(body))]
    }

    #[test]
    fn what_was_compressed_comes_out_again() {
        let body: Vec<u8> = (0_u32..50_000).flat_map(u32::to_le_bytes).collect();
        for (encoding, bytes) in both(&body) {
            let decode = |bytes| unpack(encoding, bytes, &LIMITS, |_| true);
            assert_eq!(decode(bytes.clone()).unwrap(), body);
            let cut = bytes.slice(..bytes.len() / 2);
            assert!(matches!(decode(cut), Err(BodyError::Compression(_))), "{encoding:?}");
            assert!(matches!(decode("no".into()), Err(BodyError::Compression(_))));
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let bomb = vec![0; 64 * MIB];
        for (encoding, bytes) in both(&bomb) {
            for (limits, expected) in [
                (BodyLimits { ratio: usize::MAX, ..LIMITS }, BodyError::TooLarge(MIB)),
                (BodyLimits { bytes: 256 * MIB, ..LIMITS }, BodyError::Ratio(100)),
            ] {
                let most = match expected {
                    BodyError::Ratio(ratio) => bytes.len() * ratio,
                    _ => MIB,
                };
                let mut taken = 0;
                let found = unpack(encoding, bytes.clone(), &limits, |more| {
                    taken += more;
                    true
                });
                assert_eq!(found, Err(expected), "{encoding:?}");
                assert!(taken <= most + 2 * PIECE, "{encoding:?}: {taken} of {most}");
            }
        }
    }

    #[test]
    fn a_small_body_may_be_as_repetitive_as_it_likes() {
        for (encoding, bytes) in both(&vec![b' '; PIECE]) {
            assert_eq!(unpack(encoding, bytes, &LIMITS, |_| true).unwrap().len(), PIECE);
        }
        for (encoding, bytes) in both(&vec![b' '; PIECE + 1]) {
            assert!(bytes.len() * 100 < PIECE, "{encoding:?}");
            let found = unpack(encoding, bytes, &LIMITS, |_| true);
            assert_eq!(found, Err(BodyError::Ratio(100)), "{encoding:?}");
        }
    }

    #[test]
    fn without_room_nothing_is_unpacked() {
        for (encoding, bytes) in both(b"{}") {
            assert_eq!(unpack(encoding, bytes, &LIMITS, |_| false), Err(BodyError::NoRoom));
        }
    }

    #[test]
    fn an_unknown_compression_is_refused() {
        let of = |value| {
            let value = HeaderValue::from_static(value);
            Encoding::of(&HeaderMap::from_iter([(CONTENT_ENCODING, value)]))
        };
        assert_eq!(of("GZIP"), Ok(Encoding::Gzip));
        assert_eq!(of("zstd"), Ok(Encoding::Zstd));
        assert_eq!(of("gzip, zstd"), Err(BodyError::Encoding));
        assert_eq!(of("br"), Err(BodyError::Encoding));
    }
}
