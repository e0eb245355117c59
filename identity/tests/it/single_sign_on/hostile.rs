//! A provider that signs and answers what a test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine as _, engine::general_purpose::STANDARD,
    engine::general_purpose::URL_SAFE_NO_PAD as BASE64,
};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::world::{CLIENT, Login, SECRET};

pub(super) type Claims = Map<String, Value>;

/// How an endpoint answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mood {
    Helpful,
    Huge,
    Silent,
    Elsewhere(String),
    Error,
}

pub(super) struct Script {
    pub(super) discovery: Mood,
    pub(super) token: Mood,
    pub(super) metadata: Map<String, Value>,
    pub(super) keys: Vec<Value>,
    pub(super) userinfo: Option<Value>,
    /// How often discovery and keys were asked for.
    pub(super) discovered: usize,
    pub(super) keys_read: usize,
    codes: HashMap<String, Code>,
}

struct Code {
    id_token: String,
    challenge: String,
    redirect_uri: String,
}

pub(super) struct Hostile {
    pub(super) issuer: String,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Hostile {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA", "ES256"],
        });
        let script = Arc::new(Mutex::new(Script {
            discovery: Mood::Helpful,
            token: Mood::Helpful,
            metadata: metadata.as_object().unwrap().clone(),
            keys: vec![Signer::ed25519(1).public(), Signer::es256(1).public()],
            userinfo: None,
            discovered: 0,
            keys_read: 0,
            codes: HashMap::new(),
        }));
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&script));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { issuer, script, server }
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// A code for this login, which the token endpoint gives this ID token for, once.
    pub(super) fn hand_out(&self, login: &Login, id_token: String) -> String {
        let code = Uuid::new_v4().to_string();
        assert_eq!(login.query("code_challenge_method"), "S256");
        let challenge = login.query("code_challenge");
        let redirect_uri = login.query("redirect_uri");
        self.script().codes.insert(code.clone(), Code { id_token, challenge, redirect_uri });
        code
    }
}

type Shared = State<Arc<Mutex<Script>>>;

async fn discovery(State(script): Shared) -> Response {
    let (mood, metadata) = {
        let mut script = script.lock().unwrap();
        script.discovered += 1;
        (script.discovery.clone(), script.metadata.clone())
    };
    in_mood(mood, Json(metadata).into_response()).await
}

async fn keys(State(script): Shared) -> Json<Value> {
    let mut script = script.lock().unwrap();
    script.keys_read += 1;
    Json(json!({ "keys": script.keys }))
}

async fn userinfo(State(script): Shared, headers: HeaderMap) -> Response {
    assert_eq!(headers[header::AUTHORIZATION], "Bearer an-access-token");
    Json(script.lock().unwrap().userinfo.clone()).into_response()
}

async fn token(State(script): Shared, headers: HeaderMap, body: String) -> Response {
    let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mood = script.lock().unwrap().token.clone();
    let answer = redeem(&script, &headers, &form).map_or_else(
        |error| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
        |id_token| {
            let tokens = json!({
                "access_token": "an-access-token", "token_type": "Bearer", "id_token": id_token,
            });
            Json(tokens).into_response()
        },
    );
    in_mood(mood, answer).await
}

fn redeem(
    script: &Mutex<Script>,
    headers: &HeaderMap,
    form: &HashMap<String, String>,
) -> Result<String, &'static str> {
    // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
    let login = format!("{CLIENT}:{}", SECRET.replace(' ', "+"));
    let basic = format!("Basic {}", STANDARD.encode(login));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| *given != basic) {
        return Err("invalid_client");
    }
    let code = script.lock().unwrap().codes.remove(&form["code"]).ok_or("invalid_grant")?;
    let challenge = BASE64.encode(Sha256::digest(&form["code_verifier"]));
    if code.challenge != challenge || code.redirect_uri != form["redirect_uri"] {
        return Err("invalid_grant");
    }
    Ok(code.id_token)
}

async fn in_mood(mood: Mood, helpful: Response) -> Response {
    match mood {
        Mood::Helpful => helpful,
        Mood::Huge => {
            let padding = " ".repeat(2 * 1024 * 1024);
            ([(header::CONTENT_TYPE, "application/json")], padding).into_response()
        }
        Mood::Silent => std::future::pending().await,
        Mood::Elsewhere(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Mood::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Makes JWTs of every kind, good and bad.
pub(super) enum Signer {
    Ed25519(SigningKey, String),
    Es256(p256::ecdsa::SigningKey, String),
    Hs256(Vec<u8>, Option<String>),
    Unsigned,
}

impl Signer {
    pub(super) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(SigningKey::from_bytes(&[seed; 32]), format!("ed-{seed}"))
    }

    pub(super) fn es256(seed: u8) -> Self {
        Self::Es256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap(), format!("es-{seed}"))
    }

    /// The key as it is published.
    pub(super) fn public(&self) -> Value {
        match self {
            Self::Ed25519(key, kid) => json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
                "x": BASE64.encode(key.verifying_key().as_bytes()),
            }),
            Self::Es256(key, kid) => {
                let point = key.verifying_key().to_encoded_point(false);
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
                    "x": BASE64.encode(point.x().unwrap()), "y": BASE64.encode(point.y().unwrap()),
                })
            }
            Self::Hs256(..) | Self::Unsigned => panic!("there is nothing to publish"),
        }
    }

    pub(super) fn sign(&self, claims: &Claims) -> String {
        let (algorithm, kid) = match self {
            Self::Ed25519(_, kid) => ("EdDSA", Some(kid)),
            Self::Es256(_, kid) => ("ES256", Some(kid)),
            Self::Hs256(_, kid) => ("HS256", kid.as_ref()),
            Self::Unsigned => ("none", None),
        };
        self.sign_with(json!({ "typ": "JWT", "alg": algorithm, "kid": kid }), claims)
    }

    /// With a header of the test's own.
    pub(super) fn sign_with(&self, mut header: Value, claims: &Claims) -> String {
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let part = |json: Vec<u8>| BASE64.encode(json);
        let message = format!(
            "{}.{}",
            part(serde_json::to_vec(&header).unwrap()),
            part(serde_json::to_vec(claims).unwrap())
        );
        let signature = match self {
            Self::Ed25519(key, _) => key.sign(message.as_bytes()).to_bytes().to_vec(),
            Self::Es256(key, _) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::signature::Signer::sign(key, message.as_bytes());
                signature.to_bytes().to_vec()
            }
            Self::Hs256(secret, _) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.update(message.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            Self::Unsigned => Vec::new(),
        };
        format!("{message}.{}", BASE64.encode(signature))
    }
}
