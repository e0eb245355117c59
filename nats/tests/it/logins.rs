//! Every way of logging in.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::nats::{Nats, refusal, works};

#[tokio::test]
async fn a_password_in_the_url_lets_in_and_is_never_told() {
    let nats = Nats::start(&["--user", "flags", "--pass", "s3cr3t/p@ss"]).await;
    works(&nats.at("nats", "flags:s3cr3t%2Fp%40ss@")).await.unwrap();
    for login in ["flags:s3cr3t%2Fwrong@", "s3cr3t@", ""] {
        let said = refusal(&nats.at("nats", login)).await;
        assert!(said.contains("authorization violation"), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}

#[tokio::test]
async fn a_token_in_the_url_lets_in() {
    let nats = Nats::start(&["--auth", "s3cr3t"]).await;
    works(&nats.at("nats", "s3cr3t@")).await.unwrap();
    refusal(&nats.at("nats", "other@")).await;
}

#[tokio::test]
async fn a_credentials_file_lets_in_and_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let nats = Nats::start(&[
        "-c".into(),
        configuration(directory.path(), &operator, &account).into_os_string(),
    ])
    .await;
    let file = directory.path().join("flags.creds");
    // A file goes over what stands in the address.
    let server = nats.at("nats", "nobody:nothing@").with_credentials(&file);

    let said = refusal(&server).await;
    assert!(said.contains("flags.creds"), "{said}");
    fs::write(&file, "s3cr3t").unwrap();
    let said = refusal(&server).await;
    assert!(said.contains("flags.creds has no user JWT"), "{said}");
    assert!(!said.contains("s3cr3t"), "{said}");
    assert!(server.check().is_err());

    // Somebody else's signature, and then the right one.
    fs::write(&file, credentials(&KeyPair::new_account())).unwrap();
    server.check().unwrap();
    let said = refusal(&server).await;
    assert!(said.contains("authorization violation"), "{said}");
    fs::write(&file, credentials(&account)).unwrap();
    works(&server).await.unwrap();
    refusal(&nats.at("nats", "nobody:nothing@")).await;
}

fn configuration(directory: &Path, operator: &KeyPair, account: &KeyPair) -> std::path::PathBuf {
    let account_id = account.public_key();
    let no_limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1
    });
    let itself =
        token(operator, &operator.public_key(), &json!({"type": "operator", "version": 2}));
    let of_account = token(
        operator,
        &account_id,
        &json!({"type": "account", "version": 2, "limits": no_limits}),
    );
    let path = directory.join("nats.conf");
    let text = format!(
        "operator: {itself}\nresolver: MEMORY\nresolver_preload: {{ {account_id}: {of_account} }}\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn credentials(account: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let claims = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    let (token, seed) = (token(account, &user.public_key(), &claims), user.seed().unwrap());
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// What the issuer says of the subject, signed as NATS wants it.
fn token(issuer: &KeyPair, subject: &str, nats: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let body = part(&json!({
        "jti": "TEST", "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "test", "sub": subject, "nats": nats
    }));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
