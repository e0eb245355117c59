//! Tokens that nobody was given, by the table in `forged.txt`: all are refused, and each for its own fault.

mod cases;
mod forger;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ff_auth::{TokenError, TokenService};
use serde_json::json;

use forger::{forgers, now};

const TABLE: &str = include_str!("forged.txt");

/// The name of a case, and what is found by each service.
fn table() -> BTreeMap<&'static str, Vec<&'static str>> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    let rows: Vec<_> = lines
        .map(|line| {
            let (name, cells) = line.split_once('|').expect(line);
            (name.trim(), cells.split_whitespace().collect())
        })
        .collect();
    let table: BTreeMap<_, _> = rows.iter().cloned().collect();
    assert_eq!(table.len(), rows.len(), "a case has one row");
    table
}

fn found(service: &TokenService, token: &str) -> &'static str {
    match service.verify(token, now()) {
        Ok(_) => "ACCEPTED",
        Err(TokenError::Invalid { .. }) => "invalid",
        Err(TokenError::ForeignHeader) => "key",
        Err(TokenError::TimeOutOfRange { .. }) => "range",
        Err(TokenError::Expired { .. }) => "expired",
        Err(TokenError::NotYetValid { .. }) => "early",
        Err(TokenError::TooLong { .. }) => "long",
        Err(TokenError::Signing { .. }) => "signing",
    }
}

#[test]
fn no_forged_token_is_accepted() {
    let table = table();
    let mut differences = Vec::new();
    let mut accepted = 0;
    for (column, forger) in forgers().iter().enumerate() {
        let cases = cases::all(forger);
        let names: BTreeSet<_> = cases.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), cases.len(), "a case is tried once");
        let rows: BTreeSet<_> = table.keys().copied().collect();
        let apart: Vec<_> = names.symmetric_difference(&rows).collect();
        assert!(apart.is_empty(), "only in the table, or only tried: {apart:?}");
        for (name, token) in &cases {
            let (found, expected) = (found(&forger.service, token), table[name][column]);
            accepted += usize::from(found == "ACCEPTED");
            if found != expected {
                differences.push(format!("{name}, {}: {found}, not {expected}", forger.name));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(accepted, 0);
}

/// The forger's tools make good tokens too, so that each case fails for what is wrong with it.
#[test]
fn what_is_not_forged_is_accepted() {
    let seconds = now().as_second();
    for forger in forgers() {
        let accepts = |token: String, why: &str| {
            assert_eq!(found(&forger.service, &token), "ACCEPTED", "{why}, {}", forger.name);
        };
        accepts(forger.genuine(), "as it was");
        accepts(forger.signed(&forger.header, &forger.claims), "signed anew");
        accepts(forger.claiming("nbf", json!(seconds)), "from now on");
        accepts(forger.claiming("exp", json!(seconds + 1)), "one second to go");
        accepts(forger.claiming("name", json!("Ann")), "a claim that nobody knows");
        accepts(forger.claiming("org", json!(uuid::Uuid::from_u128(9))), "of an organization");
        let ahead = forger.with(|_, claims| {
            claims["iat"] = json!(seconds + 60);
            claims["exp"] = json!(seconds + 960);
        });
        accepts(ahead, "a clock that is a minute ahead");
    }
}

#[test]
fn no_part_of_a_token_and_no_other_signature_is_accepted() {
    for forger in forgers() {
        let token = forger.genuine();
        for end in 0..token.len() {
            assert_ne!(found(&forger.service, &token[..end]), "ACCEPTED", "the first {end}");
        }
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in 0..signature.len() * 8 {
            let mut other = signature.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(other));
            assert_eq!(found(&forger.service, &token), "invalid", "bit {bit}, {}", forger.name);
        }
    }
}

/// Each character replaced, and the last of each part by all others: for a lenient reader some of those are the same.
#[test]
fn no_other_writing_of_a_token_is_accepted() {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. ";
    for forger in forgers() {
        let token = forger.genuine().into_bytes();
        for (at, &genuine) in token.iter().enumerate() {
            let ends_a_part = token.get(at + 1).is_none_or(|next| *next == b'.');
            let others = if ends_a_part { &alphabet[..] } else { b"Aa=. " };
            for other in others.iter().copied().filter(|other| *other != genuine) {
                let mut bytes = token.clone();
                bytes[at] = other;
                let other = String::from_utf8(bytes).unwrap();
                assert_ne!(found(&forger.service, &other), "ACCEPTED", "{other}");
            }
        }
    }
}
