//! What a request shows: a bearer token, or the cookies of a browser.
//!
//! A browser sends cookies with every request to us, also with one that another page has made it send. So a request
//! with cookies that may change something must repeat the session's CSRF token in a header, which no other page can
//! read: it follows from the session and a secret of ours. Bearer tokens are sent by whoever holds them, on purpose.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use ff_auth::{KeyKind, ParsedKey, SessionOf, TokenService};
use ff_security::{Kind, Outcome, Record};
use jiff::Timestamp;

use super::{Doorkeeper, Visit, invalid};
use crate::problem::{Problem, code};

/// The header that repeats the CSRF token.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// What a request shows, of a right shape; whether a token is anybody's is not known yet.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A session of a person.
    Session(SessionOf),
    /// A key for programs.
    Token(ParsedKey),
}

/// The cookies of a browser's session. Their names make a browser keep them for this host and TLS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// What a sign-in through an identity provider has begun with.
    SignIn,
}

impl Cookies {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Access => "__Host-ff_access",
            Self::Refresh => "__Host-ff_refresh",
            Self::SignIn => "__Host-ff_sign_in",
        }
    }

    /// The value in a request.
    pub(crate) fn of(self, headers: &HeaderMap) -> Option<&str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name())
            .map(|(_, value)| value)
    }

    /// A header that sets it for so many seconds; zero takes it away. The cookie of a sign-in comes back with a
    /// redirect from another site, which a strict one would not.
    pub(crate) fn set(self, value: &str, seconds: i64) -> HeaderValue {
        let site = if self == Self::SignIn { "Lax" } else { "Strict" };
        let name = self.name();
        let text =
            format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={site}");
        HeaderValue::try_from(text).expect("tokens are ASCII without control characters")
    }
}

impl Doorkeeper {
    pub(crate) fn credentials(
        &self,
        method: &Method,
        headers: &HeaderMap,
        visit: Visit,
    ) -> Result<Credentials, Problem> {
        let tokens = &self.parts.tokens;
        if headers.contains_key(header::AUTHORIZATION) {
            let bearer = bearer(headers)?;
            return match ff_auth::keys::parse(bearer) {
                Ok(key) if key.kind == KeyKind::ApiToken => Ok(Credentials::Token(key)),
                Ok(_) => Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    code::SDK_KEY,
                    "this is an SDK key, which edge and ingest take: sign in here, or use an API token",
                )),
                Err(_) => Ok(Credentials::Session(self.session(tokens, bearer)?)),
            };
        }
        let Some(access) = Cookies::Access.of(headers) else {
            let detail = "sign in with `POST /api/v1/sessions` of the control plane, then send \
                          `Authorization: Bearer …`";
            return Err(challenge(code::NO_CREDENTIALS, detail, "Bearer realm=\"ff\""));
        };
        let of = self.session(tokens, access)?;
        if !method.is_safe() {
            self.same_origin(headers, &of, visit)?;
        }
        Ok(Credentials::Session(of))
    }

    fn session(&self, tokens: &TokenService, token: &str) -> Result<SessionOf, Problem> {
        let claims = tokens.verify(token, Timestamp::now()).map_err(|error| {
            tracing::debug!(error = %error, "an access token was refused");
            invalid("the access token is not valid, or no longer: sign in again")
        })?;
        let SessionOf { user, session, .. } = claims.of;
        if self.parts.revocations.is_revoked(user, Some(session), claims.issued_at) {
            return Err(invalid("the session was closed: sign in again"));
        }
        Ok(claims.of)
    }

    /// Whether the request was made by a page of ours.
    fn same_origin(
        &self,
        headers: &HeaderMap,
        of: &SessionOf,
        visit: Visit,
    ) -> Result<(), Problem> {
        let shown = headers.get(CSRF_HEADER).map_or(&b""[..], HeaderValue::as_bytes);
        if self.parts.csrf.as_ref().is_some_and(|key| key.is_of(of.session, shown)) {
            return Ok(());
        }
        let now = Timestamp::now();
        let mut record = Record::new(now, Kind::CsrfRefused, Outcome::Refused, self.parts.service);
        record.session = Some(of.session);
        record.organization = of.organization;
        self.parts.recorder.record(visit.of(record));
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            code::CSRF,
            "a request with cookies that changes something repeats the `csrf_token` of its session in the header \
             `X-CSRF-Token`",
        ))
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    // What stands before us may have looked at another one than we would.
    if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
        return Err(invalid("send one header `Authorization`, not several"));
    }
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| invalid("the header must be `Authorization: Bearer …`"))
}

/// Refuses a request for want of credentials.
pub(crate) fn challenge(code: &'static str, detail: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; __Host-ff_access=t.o.k"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-ff_refresh=r"));
        assert_eq!(Cookies::Access.of(&headers), Some("t.o.k"));
        assert_eq!(Cookies::Refresh.of(&headers), Some("r"));
        assert_eq!(Cookies::SignIn.of(&headers), None);
    }

    #[test]
    fn a_browser_keeps_cookies_to_itself_and_this_host() {
        let set = Cookies::Access.set("x", 900);
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-ff_access=x; Path=/; Max-Age=900;"), "{text}");
        for attribute in ["Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(text.contains(attribute), "{text}");
        }
        assert!(!text.contains("Domain"));
    }
}
