//! Headers that tell browsers and proxies to be careful with what a service answers.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;

/// What a browser may load and run on behalf of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Csp(&'static str);

/// How careful to be. Headers that a handler has set itself stay as they are.
#[derive(Debug, Clone, Copy)]
pub struct Harden {
    /// What answers may load, unless they say so themselves.
    pub policy: Csp,
    /// Whether answers may be kept by browsers and proxies.
    pub store: Store,
    /// Whether the service is reached through TLS, so that browsers may insist on it from now on.
    pub tls: bool,
}

/// Whether answers may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// As each answer says.
    AsSaid,
    /// Not unless an answer says so.
    Never,
}

impl Csp {
    /// For answers that are no pages: nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    }

    /// For the pages of a user interface: what comes from the same origin. Scripts and styles stand in files of their
    /// own, nothing is inline, nothing is made of text, and nobody frames it. Pictures may stand in the page.
    #[must_use]
    pub const fn ui() -> Self {
        Self(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'",
        )
    }

    /// The value of `Content-Security-Policy`.
    #[must_use]
    pub const fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.0)
    }
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// A year; not for names below this one, which may belong to others.
const INSIST: HeaderValue = HeaderValue::from_static("max-age=31536000");

impl Harden {
    /// For an API: nothing is loaded, nothing is kept.
    #[must_use]
    pub const fn api(tls: bool) -> Self {
        Self { policy: Csp::nothing(), store: Store::Never, tls }
    }

    /// Adds only what matters for an answer that is no page and is small: that its type is not guessed, and TLS.
    pub fn apply_least(&self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.tls {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, INSIST);
        }
    }

    /// Adds what is missing.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in self.headers() {
            headers.entry(name).or_insert(value);
        }
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let store = match self.store {
            Store::AsSaid => None,
            Store::Never => Some((header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
        };
        let insist = self.tls.then_some((header::STRICT_TRANSPORT_SECURITY, INSIST));
        let always = [
            (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_SECURITY_POLICY, self.policy.value()),
        ];
        always.into_iter().chain(store).chain(insist)
    }
}

/// Adds these headers to every answer of a router, also to those of its layers.
pub fn harden(router: Router, harden: Harden) -> Router {
    router.layer(map_response(move |mut response: Response| {
        harden.apply(response.headers_mut());
        std::future::ready(response)
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn headers(tls: bool, path: &str) -> HeaderMap {
        let page = async || ([(header::CONTENT_SECURITY_POLICY, Csp::ui().value())], "<p>");
        let router = Router::new().route("/", get(async || "{}")).route("/page", get(page));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = harden(router, Harden::api(tls)).oneshot(request).await.unwrap();
        answer.headers().clone()
    }

    #[tokio::test]
    async fn every_answer_is_hardened() {
        for path in ["/", "/nothing"] {
            let headers = headers(true, path).await;
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["x-frame-options"], "DENY");
            assert_eq!(headers["referrer-policy"], "no-referrer");
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["strict-transport-security"], "max-age=31536000");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none';"), "{policy}");
        }
        assert!(!headers(false, "/").await.contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn a_page_keeps_its_own_policy_which_allows_nothing_inline() {
        let policy = headers(false, "/page").await["content-security-policy"].clone();
        assert_eq!(policy, Csp::ui().value());
        let policy = policy.to_str().unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"));
        for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{part}");
        }
    }
}
