//! Decompressing a body, piece by piece: whatever it would become, no more than the limit ever exists.

use std::io::Read;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use flate2::bufread::MultiGzDecoder;

use crate::budget::Held;
use crate::problem::Problem;

/// How much is decompressed at a time.
const PIECE: usize = 64 * 1024;
/// The largest window that a zstd body may ask for, as a power of two: 8 MiB, more than a body may have.
const WINDOW: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut all = headers.get_all(CONTENT_ENCODING).iter();
        let Some(first) = all.next() else { return Ok(Self::Identity) };
        if all.next().is_some() {
            return Err(Problem::Encoding);
        }
        match first.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Problem::Encoding),
        }
    }

    /// The body as it was before it was compressed.
    pub(crate) fn decode(
        self,
        body: Bytes,
        limit: usize,
        held: &mut Held,
    ) -> Result<Bytes, Problem> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => read(MultiGzDecoder::new(&body[..]), "gzip", limit, held),
            Self::Zstd => {
                let broken = |_| Problem::Compression("zstd");
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(broken)?;
                decoder.window_log_max(WINDOW).map_err(broken)?;
                read(decoder, "zstd", limit, held)
            }
        }
    }
}

fn read(
    mut decoder: impl Read,
    name: &'static str,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Problem> {
    let mut out = Vec::new();
    loop {
        held.grow(PIECE).map_err(|_| Problem::Busy)?;
        let before = out.len();
        let piece = decoder.by_ref().take(PIECE as u64).read_to_end(&mut out);
        piece.map_err(|_| Problem::Compression(name))?;
        match out.len() {
            length if length > limit => return Err(Problem::BodyTooLarge(limit)),
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
    use crate::budget::Budget;

    const LIMIT: usize = 1024 * 1024;

    fn gzip(body: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zstd(body: &[u8]) -> Bytes {
        zstd::encode_all(body, 3).unwrap().into()
    }

    #[test]
    fn what_was_compressed_comes_out_again() {
        let budget = Budget::new(100 * LIMIT);
        let body: Vec<u8> = (0_u32..50_000).flat_map(u32::to_le_bytes).collect();
        for (encoding, bytes) in [(Encoding::Gzip, gzip(&body)), (Encoding::Zstd, zstd(&body))] {
            let decode = |bytes| encoding.decode(bytes, LIMIT, &mut budget.hold());
            assert_eq!(decode(bytes.clone()).unwrap(), body);
            let cut = bytes.slice(..bytes.len() / 2);
            assert!(matches!(decode(cut), Err(Problem::Compression(_))), "{encoding:?}");
            assert!(matches!(decode("no".into()), Err(Problem::Compression(_))));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = vec![0; 64 * LIMIT];
        for (encoding, bytes) in [(Encoding::Gzip, gzip(&bomb)), (Encoding::Zstd, zstd(&bomb))] {
            // A little more than the limit is all the room there is.
            let budget = Budget::new(LIMIT + 2 * PIECE);
            let problem = encoding.decode(bytes, LIMIT, &mut budget.hold()).unwrap_err();
            assert_eq!(problem, Problem::BodyTooLarge(LIMIT), "{encoding:?}");
        }
    }

    #[test]
    fn an_unknown_compression_is_refused() {
        let of = |value| {
            Encoding::of(&HeaderMap::from_iter([(
                CONTENT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(of("GZIP"), Ok(Encoding::Gzip));
        assert_eq!(of("zstd"), Ok(Encoding::Zstd));
        assert_eq!(of("gzip, zstd"), Err(Problem::Encoding));
        assert_eq!(of("br"), Err(Problem::Encoding));
    }
}
