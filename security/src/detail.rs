//! A few words beside a record: which permission, which role, how often.
//!
//! A record is never refused because of what stands in here. What does not belong in a log is replaced instead: control
//! characters, which could forge lines; long texts; and what looks like an e-mail address, a key or a token, since a
//! caller's mistake would stay for as long as the log is kept.

use std::borrow::Cow;

/// The most values of a record.
const MOST: usize = 8;
/// The most characters of a value.
pub(crate) const LONGEST: usize = 200;
const WITHHELD: &str = "[withheld]";
/// How our keys and tokens, and those of others, begin.
const SECRETS: &[&str] = &["ff_srv_", "ff_cli_", "ff_pat_", "eyJ"];

/// Short texts with names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail(Vec<(&'static str, String)>);

impl Detail {
    /// Sets a value, cleaned. There are eight at most; more are left out.
    pub fn set(&mut self, name: &'static str, value: &str) {
        let value = clean(value).into_owned();
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            *known = value;
        } else if self.0.len() < MOST {
            self.0.push((name, value));
        }
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn into_pairs(self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.into_iter()
    }
}

/// The text as it may stand in the log.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if SECRETS.iter().any(|start| text.contains(start)) || has_address(text) {
        return Cow::Borrowed(WITHHELD);
    }
    if is_clean(text) {
        return Cow::Borrowed(text);
    }
    let replaced = |c: char| if forbidden(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut cut: String = text.chars().take(LONGEST).map(replaced).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.pop();
        cut.push('…');
    }
    Cow::Owned(cut)
}

/// Whether a text may stand in the log as it is.
pub(crate) fn is_clean(text: &str) -> bool {
    !text.chars().any(forbidden) && text.chars().nth(LONGEST).is_none()
}

/// Control characters, and those that change the direction of what follows.
fn forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether something like `a@b.c` is in it.
fn has_address(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')).any(|word| {
        word.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.split_once('.').is_some_and(|(host, _)| !host.is_empty())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_belong_in_a_log_is_replaced() {
        assert_eq!(clean("flag.toggle"), "flag.toggle");
        assert_eq!(clean("a\r\nb\0c\u{202e}d"), "a\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}d");
        for secret in
            ["ann@example.com", "to <ann@example.com>", "ff_srv_abc", "x eyJhbGciOi", "ff_pat_"]
        {
            assert_eq!(clean(secret), WITHHELD, "{secret}");
        }
        for fine in ["@example.com", "a@b", "release@2", "5 @ 3.2"] {
            assert_eq!(clean(fine), fine);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ü".repeat(LONGEST + 1);
        let cut = clean(&long);
        assert_eq!(cut.chars().count(), LONGEST);
        assert!(cut.ends_with("ü…") && is_clean(&cut));
        assert_eq!(clean(&long[2..]), long[2..]);
    }

    #[test]
    fn values_are_few_and_the_last_of_a_name_counts() {
        let mut detail = Detail::default();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "a"] {
            detail.set(name, name);
        }
        detail.set("a", "again");
        assert_eq!(detail.get("a"), Some("again"));
        assert_eq!(detail.get("i"), None);
        assert_eq!(detail.into_pairs().count(), MOST);
    }
}
