//! The address of a client: that of the connection, or what trusted proxies say in `X-Forwarded-For`.
//!
//! Every proxy adds the address that it sees to the right end of that header, so it is read from there: as long as a
//! trusted proxy speaks, the next one to the left is believed. What a client writes itself stands further left and
//! is never reached.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sent a request, as far as an address can say it: an extractor in everything that [`crate::serve`] serves.
///
/// It is personal data: for limits and the security log, never for a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// Proxies whose word on addresses counts; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[IpNet]>);

/// A text is no network of proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address and no network: give 10.0.0.7, 10.0.0.0/8 or fd00::/8")]
pub struct ProxyError(pub String);

impl Proxies {
    /// Nobody's word counts.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These addresses and networks.
    ///
    /// # Errors
    /// [`ProxyError`] for the first that is none.
    pub fn parse<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<Self, ProxyError> {
        let parse = |text: &str| {
            let text = text.trim();
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| ProxyError(text.to_owned()))
        };
        list.into_iter().map(parse).collect::<Result<Vec<_>, _>>().map(|all| Self(all.into()))
    }

    /// The address of the client whose request came over a connection from `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut known = peer.to_canonical();
        if !self.trusts(known) {
            return known;
        }
        let hops = headers.get_all(X_FORWARDED_FOR).iter().rev().flat_map(|value| {
            // A value that is no text holds nothing that is an address.
            value.to_str().unwrap_or("?").rsplit(',')
        });
        for hop in hops {
            // The proxy that wrote this is trusted, yet who is behind it is not known: so it is as far as it goes.
            let Some(address) = address(hop) else { break };
            known = address;
            if !self.trusts(known) {
                break;
            }
        }
        known
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: alone, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .map(|address| address.to_canonical())
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A request that came over no connection is one of a test; all of them share an address.
        let nowhere = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(parts.extensions.get().copied().unwrap_or(nowhere))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, headers: &[&str]) -> String {
        let proxies = Proxies::parse(proxies.iter().copied()).unwrap();
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(X_FORWARDED_FOR, header.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn without_proxies_no_header_counts() {
        assert_eq!(client(&[], "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client(&[], "::ffff:203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn a_header_from_outside_counts_nothing() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(client(&proxies, "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client(&proxies, "203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_is_the_client() {
        let proxies = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
        for (headers, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            // The client wrote the first one itself.
            (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1, 10.2.3.4,192.0.2.7"], "198.51.100.1"),
            (&["1.1.1.1", "198.51.100.1", "fd00::7"], "198.51.100.1"),
            (&["1.1.1.1, [2001:db8::1]:4711"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["198.51.100.1:80"], "198.51.100.1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            // All of them are ours: the client is inside.
            (&["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
            // Who came to the last proxy is not known, and what stands before it is anybody's word.
            (&["198.51.100.1, unknown"], "10.0.0.1"),
            (&["198.51.100.1, unknown, 10.2.3.4"], "10.2.3.4"),
            (&["198.51.100.1,"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.1", headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = Proxies::parse(["10.0.0.0/8", "proxy.local"]).unwrap_err();
        assert_eq!(error, ProxyError("proxy.local".to_owned()));
        assert_eq!(Proxies::parse([]).unwrap(), Proxies::none());
    }

    proptest::proptest! {
        #[test]
        fn whoever_is_outside_stays_who_they_are(header in "[0-9a-f.:, \\[\\]x]{0,60}") {
            let found = client(&["10.0.0.0/8"], "203.0.113.9", &[&header]);
            proptest::prop_assert_eq!(found, "203.0.113.9");
        }
    }
}
