//! Rust source as text that rules can search: comments, string contents and tests blanked out where a
//! rule is not about them. Blanks keep every offset and line break, so that findings have their line.
//!
//! This knows just enough of the language's lexical structure (The Rust Reference, "Tokens") to tell a
//! comment from a string that looks like one.

/// The program without comments and without what is compiled for tests only.
pub(crate) fn production(text: &str) -> String {
    let (mut code, skeleton) = blank(text);
    for (start, end) in test_items(&skeleton) {
        erase(&mut code, start, end);
    }
    String::from_utf8(code).expect("whole characters are replaced by spaces")
}

/// The program without comments.
pub(crate) fn without_comments(text: &str) -> String {
    String::from_utf8(blank(text).0).expect("whole characters are replaced by spaces")
}

/// Where `word` stands in `text`, as a word of its own where it begins or ends with a letter.
pub(crate) fn occurrences<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_name = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = text.as_bytes();
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let end = at + word.len();
        let joined_before = is_name(bytes.get(at)) && at > 0 && is_name(bytes.get(at - 1));
        let joined_after = is_name(bytes.get(end - 1)) && is_name(bytes.get(end));
        !joined_before && !joined_after
    })
}

/// The line, from 1, that an offset is in.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The text without comments, and the same without what is inside of strings and characters.
fn blank(text: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut code, mut skeleton) = (bytes.to_vec(), bytes.to_vec());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            erase(&mut code, at, end);
            end
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            erase(&mut code, at, end);
            end
        } else {
            at + match rest[0] {
                b'"' => string(rest, raw_hashes(&bytes[..at])),
                b'\'' => character(rest),
                _ => 0,
            }
        };
        erase(&mut skeleton, at, end);
        at = end.max(at + 1);
    }
    (code, skeleton)
}

fn erase(bytes: &mut [u8], start: usize, end: usize) {
    for byte in &mut bytes[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// The length of the comment that `rest` starts with; block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// How many `#` a raw string has whose quote follows `before`; `None` for a string with escapes.
fn raw_hashes(before: &[u8]) -> Option<usize> {
    let hashes = before.iter().rev().take_while(|byte| **byte == b'#').count();
    let mut prefix = before[..before.len() - hashes].iter().rev();
    let is_raw = prefix.next() == Some(&b'r')
        && !prefix
            .find(|byte| !matches!(byte, b'b' | b'c'))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_raw.then_some(hashes)
}

/// The length of the string literal, from quote to quote, that `rest` starts with.
fn string(rest: &[u8], raw: Option<usize>) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match (rest[at], raw) {
            (b'\\', None) => at += 2,
            (b'"', None) => return at + 1,
            (b'"', Some(hashes))
                if rest[at + 1..].iter().take(hashes).filter(|b| **b == b'#').count() == hashes =>
            {
                return at + 1 + hashes;
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the character literal that `rest` starts with; 0 when it is a lifetime.
fn character(rest: &[u8]) -> usize {
    let closing = |from: usize| rest.iter().skip(from).position(|byte| *byte == b'\'');
    if rest.get(1) == Some(&b'\\') {
        return closing(3).map_or(0, |at| 3 + at + 1);
    }
    // One character of UTF-8 is at most four bytes; of ASCII, one.
    let widest = if rest.get(1).is_some_and(u8::is_ascii) { 1 } else { 4 };
    closing(2).filter(|at| *at < widest).map_or(0, |at| 2 + at + 1)
}

/// Where the items under `#[cfg(test)]` begin and end.
fn test_items(skeleton: &[u8]) -> Vec<(usize, usize)> {
    const MARK: &[u8] = b"#[cfg(test)]";
    let mut items = Vec::new();
    let mut at = 0;
    while at < skeleton.len() {
        if skeleton[at..].starts_with(MARK) {
            let end = at + MARK.len() + item(&skeleton[at + MARK.len()..]);
            items.push((at, end));
            at = end;
        } else {
            at += 1;
        }
    }
    items
}

/// The length of the item that `rest` starts with: to its `;`, or to the brace that closes it.
fn item(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_strings_that_look_like_them_stay() {
        let text =
            "a(\"// kept\"); // gone\n/* gone /* gone */ gone */ b('\"', r#\"/* \"kept\" */\"#);";
        let code = without_comments(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains("gone"), "{code}");
        assert!(code.contains("// kept") && code.contains("/* \"kept\" */"), "{code}");
    }

    #[test]
    fn lifetimes_and_characters_do_not_open_strings() {
        let text = "fn f<'a>(x: &'a str) { x == '\\'' || '\"' == 'é' } // gone\nb(\"\\\"//kept\")";
        let code = without_comments(text);
        assert!(!code.contains("gone") && code.contains("//kept"), "{code}");
    }

    #[test]
    fn tests_are_not_production() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn t() { b(\"}\"); } }\nfn c() {}\n\
                    #[cfg(test)]\nmod more;\nfn d() {}";
        let code = production(text);
        assert!(!code.contains("fn t") && !code.contains("more"), "{code}");
        assert!(code.contains("fn a") && code.contains("fn c") && code.contains("fn d"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(occurrences("rand::x operand::y", "rand::").collect::<Vec<_>>(), [0]);
        assert_eq!(occurrences("std::fs std::fsx", "std::fs").collect::<Vec<_>>(), [0]);
        assert_eq!(occurrences("a.append(", ".append(").collect::<Vec<_>>(), [1]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
