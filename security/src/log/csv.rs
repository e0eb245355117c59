//! Rows as CSV, RFC 4180.
//!
//! Who opens the file in a spreadsheet must not run what stands in it: a cell that would be a formula begins with an
//! apostrophe, which spreadsheets show as text.

use std::borrow::Cow;

use crate::Entry;

const COLUMNS: [&str; 15] = [
    "id",
    "at",
    "kind",
    "outcome",
    "organization",
    "actor_kind",
    "actor_id",
    "subject_kind",
    "subject_id",
    "session",
    "address",
    "service",
    "request",
    "reason",
    "detail",
];

/// The first line.
pub(super) fn header() -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, &COLUMNS.map(Cow::Borrowed));
    out
}

/// One line.
pub(super) fn write(out: &mut Vec<u8>, entry: &Entry) {
    fn shown<'a, T: ToString>(value: Option<&T>) -> Cow<'a, str> {
        value.map(ToString::to_string).unwrap_or_default().into()
    }
    fn text(value: Option<&String>) -> Cow<'_, str> {
        value.map(String::as_str).unwrap_or_default().into()
    }
    let detail = if entry.detail.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&entry.detail).expect("a map of texts can be written")
    };
    let (actor, subject) = (entry.actor.as_ref(), entry.subject.as_ref());
    let cells: [Cow<'_, str>; COLUMNS.len()] = [
        entry.id.to_string().into(),
        entry.at.to_string().into(),
        text(Some(&entry.kind)),
        text(Some(&entry.outcome)),
        shown(entry.organization.as_ref()),
        text(actor.map(|actor| &actor.kind)),
        shown(actor.map(|actor| &actor.id)),
        text(subject.map(|subject| &subject.kind)),
        text(subject.map(|subject| &subject.id)),
        shown(entry.session.as_ref()),
        shown(entry.address.as_ref()),
        text(Some(&entry.service)),
        shown(entry.request.as_ref()),
        text(entry.reason.as_ref()),
        detail.into(),
    ];
    line(out, &cells);
}

fn line<const N: usize>(out: &mut Vec<u8>, cells: &[Cow<'_, str>; N]) {
    for (index, text) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        cell(out, text);
    }
    out.extend_from_slice(b"\r\n");
}

fn cell(out: &mut Vec<u8>, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = text.contains(['"', ',', '\r', '\n', '\t']);
    if quoted {
        out.push(b'"');
    }
    if formula {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let mut out = Vec::new();
        cell(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
        ] {
            assert_eq!(of(text), expected);
        }
    }

    #[test]
    fn a_cell_is_no_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(of(text), format!("'{text}"));
        }
        assert_eq!(of("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        assert_eq!(of("\t=1"), "\"'\t=1\"");
        assert_eq!(of("a=1"), "a=1");
    }

    #[test]
    fn the_header_names_every_column() {
        let header = String::from_utf8(header()).unwrap();
        assert!(header.starts_with("id,at,kind,") && header.ends_with(",detail\r\n"), "{header}");
    }
}
