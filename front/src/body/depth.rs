//! How deep lists and objects nest, seen before anything is read.

/// JSON nests too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lists and objects nest up to {most} deep; send a flatter body")]
pub struct TooDeep {
    /// How deep they may nest.
    pub most: usize,
}

/// Refuses JSON that nests deeper than `most`. Whether it is JSON at all is for whoever reads it.
///
/// Nearly all bodies have fewer brackets than that altogether, and counting them costs next to nothing.
///
/// # Errors
/// [`TooDeep`].
pub fn check(json: &[u8], most: usize) -> Result<(), TooDeep> {
    let opening = json.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if opening > most { scan(json, most) } else { Ok(()) }
}

fn scan(json: &[u8], most: usize) -> Result<(), TooDeep> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return Err(TooDeep { most });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
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

    proptest! {
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
