//! A request that wants something changed: its body, and what its headers say about the command.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use ff_auth::{Principal, PrincipalKind};
use ff_commands::CommandMeta;
use ff_eventlog::{Actor, ActorKind, Causation, CausationKind, Via};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Payload, RequestId, body};
use crate::problem::{Problem, code};

/// Most characters of a comment.
const COMMENT_MAX: usize = 2000;
/// Most characters of an idempotency key.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// A request that wants something changed.
#[derive(Debug)]
pub(crate) struct Change<T> {
    /// What it wants.
    pub(crate) body: T,
    /// Which command it is, and on which version it builds.
    pub(crate) intent: Intent,
}

/// All that a request says about its command beside the command itself.
#[derive(Debug)]
pub(crate) struct Intent {
    /// The version of the aggregate that the caller has seen.
    pub(crate) expected: Option<u64>,
    request: RequestId,
    idempotency_key: Option<String>,
    /// SHA-256 of method, path and body: the same for the same request, however its JSON is laid out.
    digest: String,
    via: Via,
    comment: Option<String>,
}

impl Intent {
    /// The id of the command. Whoever sends the same idempotency key means the same command.
    pub(crate) fn command_id(&self, principal: &Principal) -> Uuid {
        let Some(key) = &self.idempotency_key else { return self.request.0 };
        let actor = actor(principal);
        let digest: [u8; 32] = Sha256::new()
            .chain_update(principal.kind.name())
            .chain_update(actor.id.as_bytes())
            .chain_update(key)
            .finalize()
            .into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Uuid::new_v8(id)
    }

    /// Whether the command can come again under the same id.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// The fingerprint of the request.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Who, when, how and why.
    pub(crate) fn meta(&self, principal: &Principal, at: Timestamp) -> CommandMeta {
        CommandMeta {
            command_id: self.command_id(principal),
            correlation_id: self.request.0,
            causation: Causation { kind: CausationKind::Command, id: self.digest.clone() },
            actor: actor(principal),
            via: self.via,
            comment: self.comment.clone(),
            at,
        }
    }
}

fn actor(principal: &Principal) -> Actor {
    let (kind, id) = match principal.kind {
        PrincipalKind::User { user_id } => (ActorKind::User, user_id),
        PrincipalKind::ApiKey { key_id } => (ActorKind::ApiKey, key_id),
        PrincipalKind::System => (ActorKind::System, Uuid::nil()),
    };
    Actor { kind, id }
}

impl<T: Payload, S: Send + Sync> FromRequest<S> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, incoming) = request.into_parts();
        let headers = &parts.headers;
        let expected = expected(&parts.method, headers)?;
        let idempotency_key = idempotency_key(headers)?;
        let via = via(headers)?;
        let comment = comment(headers)?;
        let request = RequestId::of(&parts.extensions);
        let bytes = body::collect(headers, incoming, T::LIMIT).await?;
        let body = body::read(headers, &bytes)?;
        let digest = digest(&parts.method, parts.uri.path(), &bytes);
        let intent = Intent { expected, request, idempotency_key, digest, via, comment };
        Ok(Self { body, intent })
    }
}

/// `If-Match`, one strong tag. What replaces or removes needs it, so that nobody's work is overwritten unseen.
fn expected(method: &Method, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let required = matches!(*method, Method::PUT | Method::PATCH | Method::DELETE);
    let Some(value) = headers.get(header::IF_MATCH) else {
        return if required { Err(precondition_required()) } else { Ok(None) };
    };
    match value.to_str().map(str::trim) {
        Ok("*") if required => Err(precondition_required()),
        Ok("*") => Ok(None),
        Ok(text) => text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .filter(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|version| version.parse().ok())
            .map(Some)
            .ok_or_else(|| {
                let detail = "give the one `ETag` you have read, such as `If-Match: \"7\"`";
                bad_header("If-Match", detail)
            }),
        Err(_) => Err(bad_header("If-Match", "only ASCII is allowed here")),
    }
}

fn precondition_required() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        code::PRECONDITION_REQUIRED,
        "read what you want to change first, and send its `ETag` as `If-Match`",
    )
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("Idempotency-Key") else { return Ok(None) };
    value
        .to_str()
        .ok()
        .filter(|key| (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()))
        .filter(|key| key.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let detail = format!("give 1 to {IDEMPOTENCY_KEY_MAX} ASCII characters, best a UUID");
            bad_header("Idempotency-Key", detail)
        })
}

fn via(headers: &HeaderMap) -> Result<Via, Problem> {
    match headers.get("FF-Via").map(|value| value.as_bytes()) {
        None | Some(b"api") => Ok(Via::Api),
        Some(b"ui") => Ok(Via::Ui),
        Some(b"cli") => Ok(Via::Cli),
        Some(_) => Err(bad_header("FF-Via", "this is `ui`, `cli` or `api`")),
    }
}

/// Header values are ASCII, comments are not: they come percent-encoded.
fn comment(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("FF-Comment") else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .and_then(|text| percent_decode_str(text).decode_utf8().ok())
        .ok_or_else(|| bad_header("FF-Comment", "give percent-encoded UTF-8"))?;
    let length = text.chars().count();
    if length > COMMENT_MAX || text.contains('\0') {
        let detail = format!("at most {COMMENT_MAX} characters without NUL, these are {length}");
        return Err(bad_header("FF-Comment", detail));
    }
    Ok((!text.trim().is_empty()).then(|| text.into_owned()))
}

/// The problem of a header that cannot be read.
pub(crate) fn bad_header(name: &str, detail: impl Into<String>) -> Problem {
    let summary = format!("the header `{name}` cannot be read, see `errors`");
    Problem::new(StatusCode::BAD_REQUEST, code::BAD_HEADER, summary).at(format!("{name}:"), detail)
}

fn digest(method: &Method, path: &str, body: &Bytes) -> String {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update(b"\n");
    hash.update(path);
    hash.update(b"\n");
    // The body was read as its type before, so it is JSON (or there is none).
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        hash.update(sorted(value).to_string());
    }
    hex::encode(hash.finalize())
}

/// The same JSON with the members of its objects in the order of their names.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn if_match_is_one_strong_version() {
        let read = |method: Method, value: Option<&str>| {
            let pairs: Vec<_> = value.map(|value| ("if-match", value)).into_iter().collect();
            expected(&method, &headers(&pairs)).map_err(|problem| problem.status().as_u16())
        };
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(read(method.clone(), None), Err(428));
            assert_eq!(read(method.clone(), Some("*")), Err(428));
            assert_eq!(read(method, Some("\"7\"")), Ok(Some(7)));
        }
        assert_eq!(read(Method::POST, None), Ok(None));
        assert_eq!(read(Method::POST, Some("*")), Ok(None));
        assert_eq!(read(Method::POST, Some("\"0\"")), Ok(Some(0)));
        for bad in ["7", "W/\"7\"", "\"\"", "\"1\", \"2\"", "\"x\"", "\"-1\"", "\"+1\""] {
            assert_eq!(read(Method::POST, Some(bad)), Err(400), "{bad}");
        }
    }

    #[test]
    fn comments_are_percent_encoded() {
        let read = |value: &str| comment(&headers(&[("ff-comment", value)])).map_err(|_| ());
        assert_eq!(read("gr%C3%BCn%20please"), Ok(Some("grün please".to_owned())));
        assert_eq!(read("%20"), Ok(None));
        assert_eq!(read("%FF"), Err(()));
        assert_eq!(read("%00"), Err(()));
        assert_eq!(read(&"x".repeat(COMMENT_MAX + 1)), Err(()));
    }

    #[test]
    fn the_digest_sees_through_the_layout_of_json() {
        let of = |path: &str, body: &'static str| {
            digest(&Method::POST, path, &Bytes::from_static(body.as_bytes()))
        };
        let one = of("/a", r#"{"a":1,"b":{"d":[1,2],"c":null}}"#);
        assert_eq!(one, of("/a", r#" { "b": {"c":null,"d":[1,2]}, "a":1 } "#));
        assert_ne!(one, of("/b", r#"{"a":1,"b":{"d":[1,2],"c":null}}"#));
        assert_ne!(one, of("/a", r#"{"a":1,"b":{"d":[2,1],"c":null}}"#));
    }

    #[test]
    fn the_same_key_is_the_same_command_for_the_same_caller_only() {
        let intent = |key: Option<&str>| Intent {
            expected: None,
            request: RequestId(Uuid::now_v7()),
            idempotency_key: key.map(str::to_owned),
            digest: String::new(),
            via: Via::Api,
            comment: None,
        };
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = |key, user| intent(key).command_id(&Principal::user(user));
        assert_eq!(id(Some("k"), one), id(Some("k"), one));
        assert_ne!(id(Some("k"), one), id(Some("k"), other));
        assert_ne!(id(Some("k"), one), id(Some("l"), one));
        assert_ne!(id(None, one), id(None, one));
        assert_eq!(id(Some("k"), one).get_version_num(), 8);
    }
}
