//! What the document about keys tells scanners is true of the keys that are made.

use std::path::Path;

use ff_auth::keys::{self, KeyKind};
use regex::Regex;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keys.md");
    std::fs::read_to_string(path).expect("the document about keys")
}

/// The expression in the document.
fn expression() -> Regex {
    let document = document();
    let (_, rest) = document.split_once("```regex\n").expect("the document has an expression");
    let (expression, _) = rest.split_once("\n```").expect("it ends");
    Regex::new(expression).expect("it is an expression")
}

/// The checksum, by the steps of the document and nothing of the code.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let mut number = !crc;
    let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let mut found = Vec::new();
    for _ in 0..6 {
        found.push(digits[(number % 62) as usize]);
        number /= 62;
    }
    found.into_iter().rev().collect()
}

#[test]
fn the_expression_finds_every_key_and_the_checksum_confirms_it() {
    let expression = expression();
    for kind in KeyKind::ALL {
        assert!(document().contains(kind.prefix()), "every prefix is explained");
        for _ in 0..500 {
            let new = keys::generate(kind, &mut rand::rng());
            let key = new.plain.expose();
            for around in [key.to_owned(), format!("FF_KEY=\"{key}\"\n"), format!("Bearer {key},")]
            {
                assert_eq!(expression.find(&around).map(|found| found.as_str()), Some(key));
            }
            assert_eq!(checksum(&key[..50]), key[50..]);
        }
    }
}

#[test]
fn what_is_no_key_is_not_found_or_not_confirmed() {
    let expression = expression();
    let new = keys::generate(KeyKind::ApiToken, &mut rand::rng());
    let key = new.plain.expose();
    let (cut, long) = (&key[..55], format!("{key}0"));
    for odd in [cut, &long, &key.replace("ff_pat_", "ff_xyz_"), &key.replace("ff_pat_", "ff-pat-")]
    {
        assert!(!expression.is_match(odd), "{odd}");
    }
    let other = if key.as_bytes()[20] == b'a' { "b" } else { "a" };
    let mistyped = format!("{}{other}{}", &key[..20], &key[21..]);
    assert!(expression.is_match(&mistyped));
    assert_ne!(checksum(&mistyped[..50]), mistyped[50..]);
}
