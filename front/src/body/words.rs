//! What a reader of JSON says that has found something else, in words for whoever sent it.

/// The message without the place that serde_json ends it with, and without the names that types have in a program.
#[must_use]
pub fn plain_words(message: &str) -> String {
    let text = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    for kind in ["struct variant ", "struct ", "internally tagged enum ", "adjacently tagged enum "]
    {
        let Some((before, named)) = text.split_once(&format!("expected {kind}")) else { continue };
        let rest = named.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c));
        let rest = rest.map_or("", |at| &named[at..]);
        return format!("{before}expected an object{rest}");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what is wrong with it is looked at")]
    struct CreateFlag {
        key: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind")]
    enum Purpose {
        #[serde(rename = "a")]
        A,
    }

    fn told<T: for<'a> Deserialize<'a> + std::fmt::Debug>(json: &str) -> String {
        plain_words(&serde_json::from_str::<T>(json).unwrap_err().to_string())
    }

    #[test]
    fn no_type_of_ours_is_named() {
        assert_eq!(told::<CreateFlag>("7"), "invalid type: integer `7`, expected an object");
        assert_eq!(told::<CreateFlag>("[]"), "invalid length 0, expected an object with 1 element");
        assert_eq!(told::<Purpose>("null"), "invalid type: null, expected an object");
        assert_eq!(
            told::<CreateFlag>(r#"{"key":1}"#),
            "invalid type: integer `1`, expected a string"
        );
        assert_eq!(told::<Purpose>(r#"{"kind":"b"}"#), "unknown variant `b`, expected `a`");
    }
}
