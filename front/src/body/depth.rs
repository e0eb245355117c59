//! How deep lists and objects nest, seen before anything is read.

/// JSON nests too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lists and objects nest up to {most} deep; send a flatter body")]
pub struct TooDeep {
    /// How deep they may nest.
    pub most: usize,
}

/// Refuses JSON that nests deeper than `most`. Whether it is JSON at all is for whoever reads it: up to the first byte
/// that is none the depth is right, and no reader goes further.
///
/// Nearly all bodies have fewer brackets than that altogether, and counting them costs next to nothing.
///
/// # Errors
/// [`TooDeep`].
pub fn check(json: &[u8], most: usize) -> Result<(), TooDeep> {
    if has_few_brackets(json, most) { Ok(()) } else { scan(json, most) }
}

/// Whether there are up to `most` opening brackets, in texts or not.
fn has_few_brackets(json: &[u8], most: usize) -> bool {
    let mut opening = 0;
    json.chunks(PIECE).all(|piece| {
        // No piece has more than a byte can count, so that the compiler adds up many at once.
        let count: u8 = piece.iter().map(|byte| u8::from(byte | LOWER == b'{')).sum();
        opening += usize::from(count);
        opening <= most
    })
}

/// How many bytes are counted at a time.
const PIECE: usize = 224;
/// `[` and `{`, and `]` and `}`, differ in this bit alone.
const LOWER: u8 = b'[' ^ b'{';

fn scan(json: &[u8], most: usize) -> Result<(), TooDeep> {
    let (blocks, rest) = json.as_chunks::<64>();
    let mut last = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    let (mut texts, mut depth) = (Texts::default(), 0_usize);
    for block in blocks.iter().chain([&last]) {
        let Structure { quotes, backslashes, opening, closing } = Structure::of(block);
        let outside = !texts.within(quotes, backslashes);
        let (opening, closing) = (opening & outside, closing & outside);
        let up = opening.count_ones() as usize;
        let down = closing.count_ones() as usize;
        // Whatever their order is, it neither goes too deep nor closes what was not open.
        depth = if depth + up <= most && down <= depth {
            depth + up - down
        } else {
            walk(opening, closing, depth, most)?
        };
    }
    Ok(())
}

/// Goes through the brackets of a block one by one.
fn walk(opening: u64, closing: u64, mut depth: usize, most: usize) -> Result<usize, TooDeep> {
    let mut brackets = opening | closing;
    while brackets != 0 {
        let bracket = brackets & brackets.wrapping_neg();
        brackets ^= bracket;
        if closing & bracket != 0 {
            depth = depth.saturating_sub(1);
        } else if depth == most {
            return Err(TooDeep { most });
        } else {
            depth += 1;
        }
    }
    Ok(depth)
}

/// Where what matters stands in a block of 64 bytes, the first of them in the lowest bit.
struct Structure {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

impl Structure {
    fn of(block: &[u8; 64]) -> Self {
        let mut all = Self { quotes: 0, backslashes: 0, opening: 0, closing: 0 };
        let (words, _) = block.as_chunks::<8>();
        for (number, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let folded = word | each(LOWER);
            let at = 8 * number;
            all.quotes |= places_of(b'"', word) << at;
            all.backslashes |= places_of(b'\\', word) << at;
            all.opening |= places_of(b'{', folded) << at;
            all.closing |= places_of(b'}', folded) << at;
        }
        all
    }
}

/// A word of which each byte is this one.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// One bit for each byte of the word, set where it is `byte`. (Henry S. Warren, Hacker's Delight, 6-1: the high bit of
/// each byte that is zero; the product gathers these bits at the top.)
fn places_of(byte: u8, word: u64) -> u64 {
    const LOW: u64 = each(0x7f);
    let other = word ^ each(byte);
    let equal = !(((other & LOW) + LOW) | other | LOW);
    (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Where texts begin and end, from block to block.
#[derive(Default)]
struct Texts {
    /// All bits if the block before ended within a text.
    open: u64,
    /// The lowest bit if it ended with a backslash that escapes what follows.
    escaped: u64,
}

impl Texts {
    /// Which bytes of the next block are part of a text. A closing quote is none.
    fn within(&mut self, quotes: u64, backslashes: u64) -> u64 {
        let quotes = quotes & !self.escape(backslashes);
        // Each bit becomes the parity of all quotes up to it.
        let mut parity = quotes;
        for distance in [1, 2, 4, 8, 16, 32] {
            parity ^= parity << distance;
        }
        let within = parity ^ self.open;
        self.open = 0_u64.wrapping_sub(within >> 63);
        within
    }

    /// Which bytes stand behind a backslash that is not behind one itself.
    fn escape(&mut self, backslashes: u64) -> u64 {
        let mut escaped = std::mem::take(&mut self.escaped);
        let mut escaping = backslashes & !escaped;
        while escaping != 0 {
            let backslash = escaping & escaping.wrapping_neg();
            let next = backslash << 1;
            escaped |= next;
            escaping &= !(backslash | next);
            self.escaped = backslash >> 63;
        }
        escaped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}1{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2))
    }

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(check(nested(64).as_bytes(), 64), Ok(()));
        assert_eq!(check(nested(66).as_bytes(), 65), Err(TooDeep { most: 65 }));
        assert_eq!(check("[".repeat(1_000_000).as_bytes(), 64), Err(TooDeep { most: 64 }));
    }

    #[test]
    fn width_is_no_depth() {
        let wide = format!("[{}]", "[{}],".repeat(100_000));
        assert_eq!(check(wide.as_bytes(), 3), Ok(()));
        assert_eq!(check(wide.as_bytes(), 2), Err(TooDeep { most: 2 }));
    }

    #[test]
    fn brackets_in_texts_count_nothing() {
        let brackets = "[{".repeat(100);
        for text in [
            format!("{{\"a\":\"{brackets}\"}}"),
            format!("{{\"a\\\"{brackets}\":1}}"),
            format!("{{\"a\":\"\\\\\\\"{brackets}\"}}"),
        ] {
            assert_eq!(check(text.as_bytes(), 1), Ok(()), "{text}");
        }
        // The backslash is itself escaped, so the text ends before the brackets.
        let ended = format!("{{\"a\":\"\\\\\",\"b\":{brackets}");
        assert!(check(ended.as_bytes(), 64).is_err());
    }

    #[derive(Debug, Clone)]
    enum Json {
        Text(String),
        List(Vec<Json>),
        Object(Vec<(String, Json)>),
    }

    impl Json {
        fn depth(&self) -> usize {
            match self {
                Self::Text(_) => 0,
                Self::List(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
                Self::Object(all) => 1 + all.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            }
        }

        fn write(&self) -> String {
            let quote = |text: &str| {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{text}\"")
            };
            match self {
                Self::Text(text) => quote(text),
                Self::List(list) => {
                    format!("[{}]", list.iter().map(Self::write).collect::<Vec<_>>().join(","))
                }
                Self::Object(all) => {
                    let all = all.iter().map(|(k, v)| format!("{}:{}", quote(k), v.write()));
                    format!("{{{}}}", all.collect::<Vec<_>>().join(","))
                }
            }
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let text = "[\\[\\]{}\"\\\\a,:]{0,12}";
        text.prop_map(Json::Text).prop_recursive(12, 64, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Json::List),
                prop::collection::vec((text, inner), 0..3).prop_map(Json::Object),
            ]
        })
    }

    /// Byte by byte.
    fn model(json: &[u8], most: usize) -> Result<(), TooDeep> {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        for byte in json {
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\\' if !is_escaped => escaped = true,
                b'"' if !is_escaped => quoted = !quoted,
                b'[' | b'{' if !quoted && depth == most => return Err(TooDeep { most }),
                b'[' | b'{' if !quoted => depth += 1,
                b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(())
    }

    #[test]
    fn it_does_not_matter_where_a_block_ends() {
        for text in ["\"\\\"[[\"[", "\"\\\\\"[[[", "\"[\\\\\\\"[\"[]{[", "]][\"\"[["] {
            for before in 0..200 {
                for filler in [" ", "[]", "\"[\""] {
                    let json = [filler.repeat(before).as_str(), text, &filler.repeat(9)].concat();
                    for most in 0..5 {
                        let found = scan(json.as_bytes(), most);
                        assert_eq!(found, model(json.as_bytes(), most), "{most}: {json}");
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn it_is_the_model(json in "[\\[\\]{}\"\\\\a]{0,300}", most in 0_usize..70) {
            let expected = model(json.as_bytes(), most);
            prop_assert_eq!(check(json.as_bytes(), most), expected);
            prop_assert_eq!(scan(json.as_bytes(), most), expected);
        }

        #[test]
        fn it_is_the_model_for_any_bytes(json: Vec<u8>, most in 0_usize..5) {
            prop_assert_eq!(scan(&json, most), model(&json, most));
        }

        #[test]
        fn it_is_the_depth_of_the_tree(json in json()) {
            let (text, depth) = (json.write(), json.depth());
            prop_assert_eq!(check(text.as_bytes(), depth), Ok(()));
            if let Some(less) = depth.checked_sub(1) {
                prop_assert_eq!(check(text.as_bytes(), less), Err(TooDeep { most: less }));
            }
        }
    }
}
