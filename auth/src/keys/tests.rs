//! What a key looks like, and what is refused as one.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn key(kind: KeyKind, seed: u64) -> NewKey {
    generate(kind, &mut StdRng::seed_from_u64(seed))
}

#[test]
fn a_new_key_parses_to_its_kind_and_hash() {
    for kind in KeyKind::ALL {
        for seed in 0..50 {
            let new = key(kind, seed);
            let text = new.plain.expose();
            assert_eq!(text.len(), LENGTH);
            assert_eq!(parse(text), Ok(ParsedKey { kind, hash: new.hash }));
            assert!(text.starts_with(new.prefix.as_str()));
            assert_eq!(new.prefix.as_str().len(), PREFIX + SHOWN);
        }
    }
}

#[test]
fn the_same_bytes_make_the_same_key_for_ever() {
    struct Counting;
    impl rand::RngCore for Counting {
        fn next_u32(&mut self) -> u32 {
            0
        }
        fn next_u64(&mut self) -> u64 {
            0
        }
        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(0..) {
                *byte = value;
            }
        }
    }
    impl CryptoRng for Counting {}

    let new = generate(KeyKind::SdkServer, &mut Counting);
    assert_eq!(new.plain.expose(), "ff_srv_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf0iPAru");
    assert_eq!(
        new.hash.to_string(),
        "a13a1841d3cf00e0f7ec1900cb4addecb68ccee238ec3aa0770e305ce7937a56"
    );
}

#[test]
fn one_wrong_character_anywhere_after_the_prefix_is_seen() {
    let new = key(KeyKind::ApiToken, 7);
    for at in PREFIX..LENGTH {
        let mut text = new.plain.expose().as_bytes().to_vec();
        text[at] = if text[at] == b'a' { b'b' } else { b'a' };
        let text = String::from_utf8(text).unwrap();
        assert_eq!(parse(&text), Err(KeyError::BadChecksum), "at {at}");
    }
}

#[test]
fn a_valid_checksum_over_foreign_characters_is_not_enough() {
    let mut text = format!("ff_srv_{}", "é".repeat(21) + "-").into_bytes();
    assert_eq!(text.len(), PREFIX + BODY);
    text.extend(checksum(&text));
    assert_eq!(parse(&String::from_utf8(text).unwrap()), Err(KeyError::BadChecksum));
}

#[test]
fn what_is_no_key_is_refused_for_its_own_reason() {
    let text = key(KeyKind::SdkClient, 1).plain.expose().to_owned();
    for (wrong, reason) in [
        (String::new(), KeyError::BadPrefix),
        ("Bearer x".to_owned(), KeyError::BadPrefix),
        (text.replace("ff_cli_", "ff_xyz_"), KeyError::BadPrefix),
        (text.to_uppercase(), KeyError::BadPrefix),
        ("ff_cli_".to_owned(), KeyError::BadLength),
        (text[..LENGTH - 1].to_owned(), KeyError::BadLength),
        (format!("{text} "), KeyError::BadLength),
        (text.replace("ff_cli_", "ff_srv_"), KeyError::BadChecksum),
    ] {
        assert_eq!(parse(&wrong), Err(reason), "{wrong}");
    }
}

#[test]
fn printing_a_new_key_does_not_print_it() {
    let new = key(KeyKind::SdkServer, 3);
    let printed = format!("{new:?}");
    assert!(!printed.contains(&new.plain.expose()[PREFIX + SHOWN..]), "{printed}");
}
