//! The parts of an answer that depend on nothing but flag and variation, written once.
//!
//! An OFREP answer begins with `{"key":…,"value":…,"variant":…,"reason":"`; what follows is the reason and little
//! else. A fragment is made when a variation is first served and kept as long as its flag stays as it is.

use std::sync::OnceLock;

use ff_evaluator::Evaluation;

/// The fragments of one flag.
#[derive(Debug)]
pub(crate) struct Fragments {
    variations: Box<[OnceLock<Box<[u8]>>]>,
}

impl Fragments {
    pub(crate) fn new(variations: usize) -> Self {
        Self { variations: (0..variations).map(|_| OnceLock::new()).collect() }
    }

    /// The start of the answer, up to the reason's first letter. `None` if there is no variation to serve.
    pub(crate) fn start(&self, key: &str, evaluation: &Evaluation<'_>) -> Option<&[u8]> {
        let cell = self.variations.get(evaluation.variation_index?)?;
        let (value, variation) = (evaluation.value?, evaluation.variation?);
        let fragment = cell.get_or_init(|| {
            let mut out = Vec::with_capacity(64 + key.len() + variation.len());
            out.extend_from_slice(b"{\"key\":");
            write_json(&mut out, key);
            out.extend_from_slice(b",\"value\":");
            write_json(&mut out, value);
            out.extend_from_slice(b",\"variant\":");
            write_json(&mut out, variation);
            out.extend_from_slice(b",\"reason\":\"");
            out.into_boxed_slice()
        });
        Some(fragment)
    }
}

/// Writes a value as JSON.
pub(crate) fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("plain JSON into memory cannot fail");
}

/// Writes a text as JSON; the usual one has nothing to escape.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_json(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_where_they_must() {
        for text in ["", "plain", "ünï", "a\"b", "back\\slash", "new\nline", "\u{1}"] {
            let mut out = Vec::new();
            write_text(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
