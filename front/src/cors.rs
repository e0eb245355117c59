//! Which pages may call a service from a browser.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// Origins whose pages may call; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Those of everybody. Right where a key that is meant to be public is all that lets in.
    Any,
    /// Exactly these.
    These(Arc<[HeaderValue]>),
}

/// A text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is none at all, or more than one.
    #[error(
        "`{0}` is no origin: give https://app.example.com, with its port if it has one, and no path"
    )]
    Malformed(String),
    /// It is `*`, and this service cannot let everybody's pages in.
    #[error("`*` is not possible here: name each origin")]
    Any,
}

/// What pages may send and see.
#[derive(Debug, Clone, Copy)]
pub struct CorsRules<'a> {
    /// Methods beside those that need no permission.
    pub methods: &'a [Method],
    /// Names of headers that may be sent.
    pub headers: &'a [&'static str],
    /// Names of headers that may be seen.
    pub exposed: &'a [&'static str],
    /// How long a browser may remember this.
    pub max_age: Duration,
}

const ANY: HeaderValue = HeaderValue::from_static("*");

impl Origins {
    /// Nobody's pages.
    #[must_use]
    pub fn none() -> Self {
        Self::These(Arc::default())
    }

    /// These origins; a single `*` is everybody's.
    ///
    /// # Errors
    /// [`OriginError::Malformed`] for the first that is none.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        let list: Vec<&str> =
            list.into_iter().map(str::trim).filter(|text| !text.is_empty()).collect();
        if list == ["*"] {
            return Ok(Self::Any);
        }
        list.into_iter()
            .map(origin)
            .collect::<Result<Vec<_>, _>>()
            .map(|all| Self::These(all.into()))
    }

    /// These origins, which are not everybody's.
    ///
    /// # Errors
    /// [`OriginError`].
    pub fn parse_exact<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        match Self::parse(list)? {
            Self::Any => Err(OriginError::Any),
            these @ Self::These(_) => Ok(these),
        }
    }

    /// What `Access-Control-Allow-Origin` says to the page that sent these headers; nothing if it may not call. For
    /// services that do without [`cors`].
    #[must_use]
    pub fn allow(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(ANY),
            Self::These(these) => {
                headers.get(ORIGIN).filter(|origin| these.contains(origin)).cloned()
            }
        }
    }
}

/// An origin as browsers send it: in lower case, without the usual port.
fn origin(text: &str) -> Result<HeaderValue, OriginError> {
    let malformed = || OriginError::Malformed(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(malformed());
    };
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(malformed()),
    };
    let host = authority.host();
    // Whatever else there is, a path for example, is not in these parts.
    let end = text.len().checked_sub(authority.as_str().len());
    let is_all = end.is_some_and(|start| text.get(start..) == Some(authority.as_str()));
    if !is_all || host.is_empty() || host.contains('*') || authority.as_str().contains('@') {
        return Err(malformed());
    }
    let port = match authority.port() {
        None if authority.as_str().len() > host.len() => return Err(malformed()),
        None => String::new(),
        Some(port) if port.as_u16() == usual => String::new(),
        Some(port) => format!(":{}", port.as_u16()),
    };
    let origin = format!("{scheme}://{}{port}", host.to_ascii_lowercase());
    HeaderValue::try_from(origin).map_err(|_| malformed())
}

/// Answers preflights, and adds the headers that browsers look for. Never with credentials: no page of another origin
/// sends cookies along.
pub fn cors(origins: &Origins, rules: CorsRules<'_>) -> CorsLayer {
    let names = |names: &[&'static str]| {
        names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>()
    };
    let layer = CorsLayer::new()
        .allow_methods(rules.methods.to_vec())
        .allow_headers(names(rules.headers))
        .expose_headers(names(rules.exposed))
        .max_age(rules.max_age);
    match origins {
        Origins::Any => layer.allow_origin(Any),
        Origins::These(these) => layer.allow_origin(AllowOrigin::list(these.iter().cloned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for (text, expected) in [
            ("https://app.example.com", "https://app.example.com"),
            ("HTTPS://App.Example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            (" http://[::1]:80 ", "http://[::1]"),
        ] {
            let expected = Origins::These([HeaderValue::from_static(expected)].into());
            assert_eq!(Origins::parse([text]), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://*.example.com",
            "https://user@example.com",
            "https://example.com?x",
            "https://example.com:",
            "https://",
            "ftp://example.com",
            "null",
            "https://a.example,https://b.example",
        ] {
            assert_eq!(
                Origins::parse([text]),
                Err(OriginError::Malformed(text.to_owned())),
                "{text}"
            );
        }
        assert!(Origins::parse(["*", "https://a.example"]).is_err());
    }

    #[test]
    fn everybody_is_only_where_everybody_may() {
        assert_eq!(Origins::parse(["*"]), Ok(Origins::Any));
        assert_eq!(Origins::parse_exact(["*"]), Err(OriginError::Any));
        assert_eq!(Origins::parse_exact([]), Ok(Origins::none()));
        assert_eq!(Origins::parse_exact([""]), Ok(Origins::none()));
    }

    #[test]
    fn an_origin_is_allowed_or_hears_nothing() {
        let origins = Origins::parse(["https://a.example"]).unwrap();
        let [known, other] =
            ["https://a.example", "https://b.example"].map(HeaderValue::from_static);
        let from = |origin: &HeaderValue| HeaderMap::from_iter([(ORIGIN, origin.clone())]);
        assert_eq!(origins.allow(&from(&known)), Some(known));
        assert_eq!(origins.allow(&from(&other)), None);
        assert_eq!(origins.allow(&HeaderMap::new()), None);
        assert_eq!(Origins::Any.allow(&from(&other)), Some(ANY));
    }
}
