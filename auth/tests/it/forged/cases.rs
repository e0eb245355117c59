//! How each token of the table is made.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::forger::{Forger, SECRET, message, now, own_key, public_key, public_key_in_pem, twice};

type Cases = Vec<(&'static str, String)>;

/// The order of the group that Ed25519 signs in, the least byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(crate) fn all(forger: &Forger) -> Cases {
    let groups = [algorithms, keys, headers, parties, ids, times, signatures, texts];
    groups.iter().flat_map(|group| group(forger)).collect()
}

fn hmac(secret: &[u8]) -> EncodingKey {
    EncodingKey::from_secret(secret)
}

fn algorithms(forger: &Forger) -> Cases {
    let claims = forger.claims.to_string();
    let naming = |alg: Value| forger.heading("alg", alg);
    let unsigned = |alg: &str| {
        let mut header = forger.header.clone();
        header["alg"] = json!(alg);
        format!("{}.", message(&header.to_string(), &claims))
    };
    let hs256 = |secret: &[u8]| forger.signed_with(&hmac(secret), Algorithm::HS256, |_| ());
    let pem = public_key_in_pem();
    let (own, _) = own_key();
    vec![
        ("alg none, no signature", unsigned("none")),
        ("alg None, no signature", unsigned("None")),
        ("alg NONE, no signature", unsigned("NONE")),
        ("alg nOnE, no signature", unsigned("nOnE")),
        ("alg none, genuine signature", naming(json!("none"))),
        ("alg empty", naming(json!(""))),
        ("alg null", naming(Value::Null)),
        ("alg is a number", naming(json!(0))),
        ("alg is a list", naming(json!(["HS256", "EdDSA"]))),
        ("alg in small letters", naming(json!("hs256"))),
        ("no alg", forger.with(|h, _| drop(h.as_object_mut().expect("an object").remove("alg")))),
        ("HS256 by the public key's bytes", hs256(&public_key())),
        ("HS256 by the public key in hex", hs256(hex::encode(public_key()).as_bytes())),
        ("HS256 by the public key in base64", hs256(STANDARD.encode(public_key()).as_bytes())),
        ("HS256 by the public key in PEM", hs256(pem.as_bytes())),
        ("HS256 by the public key in PEM, trimmed", hs256(pem.trim().as_bytes())),
        ("HS256 by nothing", hs256(b"")),
        (
            "HS256 by the id of the key",
            hs256(forger.header["kid"].as_str().expect("text").as_bytes()),
        ),
        (
            "HS384 by the secret",
            forger.signed_with(&hmac(SECRET.as_bytes()), Algorithm::HS384, |_| ()),
        ),
        (
            "HS512 by the secret",
            forger.signed_with(&hmac(SECRET.as_bytes()), Algorithm::HS512, |_| ()),
        ),
        ("RS256, genuine signature", naming(json!("RS256"))),
        ("PS256, genuine signature", naming(json!("PS256"))),
        ("ES256, genuine signature", naming(json!("ES256"))),
        ("RS256, a signature of 256 bytes", {
            let mut header = forger.header.clone();
            header["alg"] = json!("RS256");
            let signature = URL_SAFE_NO_PAD.encode([0x5a; 256]);
            format!("{}.{signature}", message(&header.to_string(), &claims))
        }),
        ("EdDSA by a key of the forger's own", forger.signed_with(&own, Algorithm::EdDSA, |_| ())),
    ]
}

fn keys(forger: &Forger) -> Cases {
    let kid = forger.header["kid"].as_str().expect("a key id").to_owned();
    let naming = |kid: Value| forger.heading("kid", kid);
    let by = |kid: &str, secret: &str| {
        forger.signed_with(&hmac(secret.as_bytes()), Algorithm::HS256, |h| h["kid"] = json!(kid))
    };
    let (own, public) = own_key();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(public)});
    let bringing = |name: &str, value: Value| {
        forger.signed_with(&own, Algorithm::EdDSA, |header| header[name] = value)
    };
    vec![
        ("no kid", forger.with(|h, _| drop(h.as_object_mut().expect("an object").remove("kid")))),
        ("kid null", naming(Value::Null)),
        ("kid empty", naming(json!(""))),
        ("kid is a number", naming(json!(0))),
        ("kid is a list with the key's", naming(json!([kid]))),
        ("kid unknown", naming(json!("2019-01"))),
        ("kid is a part of the key's", naming(json!(kid[..8]))),
        ("kid in capitals", naming(json!(format!("{kid} ").to_uppercase()))),
        ("kid with more behind it", naming(json!(format!("{kid}\0")))),
        ("kid of the other key", naming(json!(forger.other_kid))),
        ("kid is an empty file", by("../../../../dev/null", "")),
        ("kid is a known file", by("/proc/sys/kernel/randomize_va_space", "2\n")),
        ("kid is an address", by("https://forger.example/key", "secret")),
        ("kid selects a secret", by("' UNION SELECT 'secret' -- ", "secret")),
        ("kid selects all", by("' OR '1'='1", SECRET)),
        ("kid runs a command", by("key | echo secret", "secret")),
        ("a jwk brought along", bringing("jwk", jwk.clone())),
        (
            "a jwk brought along, with its kid",
            forger.signed_with(&own, Algorithm::EdDSA, |header| {
                header["jwk"] = jwk.clone();
                header["kid"] = json!("own");
            }),
        ),
        ("a jku brought along", bringing("jku", json!("https://forger.example/keys"))),
        ("an x5u brought along", bringing("x5u", json!("https://forger.example/chain"))),
        ("an x5c brought along", bringing("x5c", json!([STANDARD.encode(public)]))),
    ]
}

fn headers(forger: &Forger) -> Cases {
    let claims = forger.claims.to_string();
    let again = |name: &str, value: Value| {
        forger.signed_text(&twice(&forger.header, name, &value), &claims)
    };
    vec![
        ("crit with a known name", forger.heading("crit", json!(["exp"]))),
        ("crit with none", forger.heading("crit", json!([]))),
        (
            "crit b64",
            forger.with(|header, _| {
                header["crit"] = json!(["b64"]);
                header["b64"] = json!(false);
            }),
        ),
        ("alg twice, then none", again("alg", json!("none"))),
        ("kid twice", again("kid", forger.header["kid"].clone())),
        ("the header is a list", forger.signed_text("[]", &claims)),
        ("the header is null", forger.signed_text("null", &claims)),
        ("the header is no JSON", forger.signed_text("{", &claims)),
        ("more behind the header", forger.signed_text(&format!("{}{{}}", forger.header), &claims)),
    ]
}

/// Who issued it, and for whom.
fn parties(forger: &Forger) -> Cases {
    let (iss, aud) = (forger.claims["iss"].clone(), forger.claims["aud"].clone());
    let (iss, aud) = (iss.as_str().expect("text"), aud.as_str().expect("text"));
    let claiming = |claim: &str, value: Value| forger.claiming(claim, value);
    vec![
        ("no iss", forger.without_claim("iss")),
        ("iss null", claiming("iss", Value::Null)),
        ("iss another", claiming("iss", json!("https://forger.example"))),
        ("iss is the start of ours", claiming("iss", json!(iss[..iss.len() - 1]))),
        ("iss starts with ours", claiming("iss", json!(format!("{iss}.forger.example")))),
        ("iss in capitals", claiming("iss", json!(iss.to_uppercase()))),
        ("iss with a space", claiming("iss", json!(format!("{iss} ")))),
        ("iss is a list with ours", claiming("iss", json!([iss, "https://forger.example"]))),
        ("iss is a list of ours", claiming("iss", json!([iss]))),
        ("iss is a list of others", claiming("iss", json!(["a", "b"]))),
        ("iss is an object", claiming("iss", json!({ iss: iss }))),
        ("iss twice", forger.claiming_twice("iss")),
        ("no aud", forger.without_claim("aud")),
        ("aud null", claiming("aud", Value::Null)),
        ("aud another", claiming("aud", json!("ff-edge"))),
        ("aud is the issuer", claiming("aud", json!(iss))),
        ("aud is the start of ours", claiming("aud", json!(aud[..aud.len() - 1]))),
        ("aud starts with ours", claiming("aud", json!(format!("{aud}-2")))),
        ("aud is a list with ours", claiming("aud", json!([aud, "ff-edge"]))),
        ("aud is a list of ours", claiming("aud", json!([aud]))),
        ("aud is a list of others", claiming("aud", json!(["a", "b"]))),
        ("aud is an empty list", claiming("aud", json!([]))),
        ("aud is a number", claiming("aud", json!(1))),
        ("aud twice", forger.claiming_twice("aud")),
    ]
}

fn ids(forger: &Forger) -> Cases {
    let claiming = |claim: &str, value: Value| forger.claiming(claim, value);
    let genuine = forger.genuine();
    let text = |claims: &str| forger.signed_text(&forger.header.to_string(), claims);
    vec![
        ("no sub", forger.without_claim("sub")),
        ("sub null", claiming("sub", Value::Null)),
        ("sub empty", claiming("sub", json!(""))),
        ("sub is no id", claiming("sub", json!("admin"))),
        ("sub is a number", claiming("sub", json!(66))),
        ("sub is a list of ids", claiming("sub", json!([forger.claims["sub"]]))),
        ("sub twice", forger.claiming_twice("sub")),
        ("no sid", forger.without_claim("sid")),
        ("sid null", claiming("sid", Value::Null)),
        ("sid is no id", claiming("sid", json!("any"))),
        ("sid twice", forger.claiming_twice("sid")),
        ("org empty", claiming("org", json!(""))),
        ("org is no id", claiming("org", json!("*"))),
        ("org is a list", claiming("org", json!([forger.claims["sub"]]))),
        ("org twice", {
            let org = uuid::Uuid::from_u128(9);
            let mut claims = forger.claims.clone();
            claims["org"] = json!(org);
            text(&twice(&claims, "org", &Value::Null))
        }),
        ("no jti", forger.without_claim("jti")),
        ("jti is no id", claiming("jti", json!("1"))),
        ("the claims are a list", text(&json!([forger.claims]).to_string())),
        ("the claims in a list, without names", text(&in_order(&forger.claims))),
        ("the claims are null", text("null")),
        ("the claims are text", text(&json!(forger.claims.to_string()).to_string())),
        ("the claims are nothing", text("")),
        ("more behind the claims", text(&format!("{}{{}}", forger.claims))),
        ("a genuine token for claims", text(&genuine)),
        ("a genuine token for claims, cty JWT", {
            let mut header = forger.header.clone();
            header["cty"] = json!("JWT");
            forger.signed_text(&header.to_string(), &json!(genuine).to_string())
        }),
    ]
}

/// For readers that take a list for a structure.
fn in_order(claims: &Value) -> String {
    let of = |name: &str| claims[name].clone();
    json!([of("iss"), of("aud"), of("sub"), of("sid"), null, of("jti"), of("iat"), of("exp"), null])
        .to_string()
}

fn times(forger: &Forger) -> Cases {
    let now = now().as_second();
    let claiming = |claim: &str, value: Value| forger.claiming(claim, value);
    let (year, far) = (366 * 24 * 3_600, 16_725_225_600_i64);
    vec![
        ("no exp", forger.without_claim("exp")),
        ("exp null", claiming("exp", Value::Null)),
        ("exp is text", claiming("exp", json!((now + 900).to_string()))),
        ("exp is a date", claiming("exp", json!("2099-01-01T00:00:00Z"))),
        ("exp is true", claiming("exp", json!(true))),
        ("exp is a list", claiming("exp", json!([now + 900]))),
        ("exp is a fraction", {
            let claims = forger.claims.to_string();
            let whole = (now + 900).to_string();
            let fraction = claims.replacen(&whole, &format!("{whole}.5"), 1);
            forger.signed_text(&forger.header.to_string(), &fraction)
        }),
        ("exp beyond fractions", claiming("exp", json!(1e300))),
        ("exp negative", claiming("exp", json!(-1))),
        ("exp zero", claiming("exp", json!(0))),
        ("exp now", claiming("exp", json!(now))),
        ("exp a second ago", claiming("exp", json!(now - 1))),
        ("exp beyond time", claiming("exp", json!(i64::MAX))),
        ("exp beyond integers", claiming("exp", json!(u64::MAX))),
        ("exp in the year 2500", claiming("exp", json!(far))),
        ("exp a second later than issued", claiming("exp", json!(now + 901))),
        ("exp twice", forger.claiming_twice("exp")),
        ("nbf in a second", claiming("nbf", json!(now + 1))),
        ("nbf in the year 2500", claiming("nbf", json!(far))),
        ("nbf beyond time", claiming("nbf", json!(i64::MAX))),
        ("nbf is text", claiming("nbf", json!("0"))),
        ("nbf is a fraction", claiming("nbf", json!(0.5))),
        ("no iat", forger.without_claim("iat")),
        ("iat is text", claiming("iat", json!(now.to_string()))),
        ("iat in 61 seconds", claiming("iat", json!(now + 61))),
        (
            "iat in a year, exp after it",
            forger.with(|_, claims| {
                claims["iat"] = json!(now + year);
                claims["exp"] = json!(now + year + 900);
            }),
        ),
        ("iat a year ago", claiming("iat", json!(now - year))),
        ("iat beyond time", claiming("iat", json!(i64::MAX))),
        ("iat before time", claiming("iat", json!(i64::MIN))),
    ]
}

fn signatures(forger: &Forger) -> Cases {
    let genuine = forger.genuine();
    let (message_of_it, signature) = genuine.rsplit_once('.').expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let with = |signature: &str| format!("{message_of_it}.{signature}");
    let with_bytes = |bytes: &[u8]| with(&URL_SAFE_NO_PAD.encode(bytes));
    let mut swapped = forger.claims.clone();
    swapped["sub"] = json!(uuid::Uuid::from_u128(0x66));
    let swapped = message(&forger.header.to_string(), &swapped.to_string());
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    vec![
        ("no signature", message_of_it.to_owned()),
        ("empty signature", with("")),
        ("signature of other claims", format!("{swapped}.{signature}")),
        ("signature cut by a character", with(&signature[..signature.len() - 1])),
        ("signature cut by half", with_bytes(&bytes[..bytes.len() / 2])),
        ("signature with a byte more", with_bytes(&[&bytes[..], &[0]].concat())),
        ("signature twice", with_bytes(&[&bytes[..], &bytes[..]].concat())),
        ("signature with a bit flipped", with_bytes(&flipped)),
        ("signature of zeroes", with_bytes(&vec![0; bytes.len()])),
        ("signature plus the order of the group", with_bytes(&plus_order(&bytes))),
        ("signature padded", with(&format!("{signature}=="))),
        ("signature in another spelling", with(&respelt(signature))),
        ("signature is a list", with("W10")),
    ]
}

/// The same number in the group, for those who do not look whether it is the least.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    let (start, scalar) = signature.split_at(signature.len() - 32);
    let mut carry = 0;
    let sum = scalar.iter().zip(ORDER).map(|(byte, order)| {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    start.iter().copied().chain(sum.collect::<Vec<_>>()).collect()
}

/// Other bits where the last character has some that count for nothing: for a lenient reader the same bytes.
fn respelt(base64: &str) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = base64.split_at(base64.len() - 1);
    let digit = DIGITS.find(last).expect("a digit") ^ 1;
    format!("{start}{}", &DIGITS[digit..=digit])
}

fn texts(forger: &Forger) -> Cases {
    let token = forger.genuine();
    let (first, rest) = token.split_once('.').expect("three parts");
    vec![
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("empty objects", "e30.e30.e30".to_owned()),
        ("a letter more", format!("{token}A")),
        ("a dot more", format!("{token}.")),
        ("a part more", format!("{token}.e30")),
        ("a part before", format!("e30.{token}")),
        ("a space before", format!(" {token}")),
        ("a space behind", format!("{token} ")),
        ("a line end behind", format!("{token}\n")),
        ("a tab within", format!("{first}\t.{rest}")),
        ("a NUL behind", format!("{token}\0")),
        ("another token behind", format!("{token} {token}")),
        ("the word Bearer before", format!("Bearer {token}")),
        ("the header padded", format!("{first}=.{rest}")),
        ("the header in another spelling", format!("{}.{rest}", respelt(first))),
        ("in JSON", json!(token).to_string()),
    ]
}
