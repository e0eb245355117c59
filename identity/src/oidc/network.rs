//! Which addresses may be asked on behalf of who configures a provider.
//!
//! That is somebody of an organization, not who runs the platform, so an issuer must not become a way into the
//! platform's own network. Names are checked by what they resolve to, at the moment of connecting, so that a name
//! cannot change in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// How far requests to identity providers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public addresses over HTTPS.
    #[default]
    Public,
    /// Private networks and this machine as well, for an installation inside a company whose organizations trust
    /// each other. This machine also over plain HTTP.
    Internal,
}

/// This address is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address at all.
    #[error("`{url}` is not a URL")]
    NotUrl {
        /// What was given.
        url: String,
    },
    /// Anybody on the way could read and change what goes there.
    #[error("`{url}` must begin with https://")]
    NotHttps {
        /// What was given.
        url: String,
    },
    /// It has a part that a provider's address does not have.
    #[error("`{url}` must have no user, password or fragment, and an issuer no query")]
    Extra {
        /// What was given.
        url: String,
    },
    /// It leads into a network that providers are not expected in.
    #[error(
        "`{host}` is not a public address: an identity provider must be reachable from the internet"
    )]
    NotPublic {
        /// The host.
        host: String,
    },
}

impl Reach {
    /// Whether this may be asked at all, as far as one can tell before its name is resolved.
    pub(super) fn check(self, text: &str) -> Result<Url, AddressError> {
        let shown = || text.chars().take(200).collect::<String>();
        let url = Url::parse(text).map_err(|_| AddressError::NotUrl { url: shown() })?;
        let host = url.host().ok_or_else(|| AddressError::NotUrl { url: shown() })?;
        let plain = url.scheme() == "http" && self == Self::Internal && is_this_machine(&host);
        if url.scheme() != "https" && !plain {
            return Err(AddressError::NotHttps { url: shown() });
        }
        // Not shown: it may be a password.
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extra { url: host.to_string() });
        }
        let literal = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|ip| !self.allows(ip)) {
            return Err(AddressError::NotPublic { host: host.to_string() });
        }
        Ok(url)
    }

    /// As [`Reach::check`], for an issuer.
    pub(super) fn check_issuer(self, text: &str) -> Result<Url, AddressError> {
        let url = self.check(text)?;
        if url.query().is_some() {
            return Err(AddressError::Extra { url: text.chars().take(200).collect() });
        }
        Ok(url)
    }

    /// Whether a connection to this may be opened.
    pub(super) fn allows(self, ip: IpAddr) -> bool {
        match (embedded(ip), self) {
            (IpAddr::V4(ip), _) if is_never_v4(ip) => false,
            (IpAddr::V6(ip), _) if is_never_v6(ip) => false,
            (_, Self::Internal) => true,
            (IpAddr::V4(ip), Self::Public) => !is_internal_v4(ip),
            (IpAddr::V6(ip), Self::Public) => !ip.is_loopback() && !ip.is_unique_local(),
        }
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

/// Link-local, where clouds keep their metadata, and what is no single machine. Some clouds keep it elsewhere.
fn is_never_v4(ip: Ipv4Addr) -> bool {
    const METADATA: [Ipv4Addr; 2] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
    ip.is_link_local()
        || ip.is_multicast()
        || ip.octets()[0] == 0
        || ip.octets()[0] >= 240
        || METADATA.contains(&ip)
}

fn is_never_v6(ip: Ipv6Addr) -> bool {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    // 64:ff9b:1::/48 is NAT64 of a network's own, ::/96 an IPv4 address in a form long given up.
    let odd = matches!(ip.segments(), [0x64, 0xff9b, 1, ..])
        || (matches!(ip.segments(), [0, 0, 0, 0, 0, 0, ..]) && !ip.is_loopback());
    ip.is_unicast_link_local() || ip.is_multicast() || ip == METADATA || odd
}

fn is_internal_v4(ip: Ipv4Addr) -> bool {
    ip.is_private()
        || ip.is_loopback()
        // Carrier-grade NAT, protocol assignments, benchmarks.
        || matches!(ip.octets(), [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_reach_ends_at_private_networks() {
        for (ip, public, internal) in [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1::1", true, true),
            ("::ffff:93.184.216.34", true, true),
            ("10.0.0.1", false, true),
            ("172.16.0.1", false, true),
            ("192.168.1.1", false, true),
            ("100.64.0.1", false, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("fd12::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("64:ff9b::a00:1", false, true),
            ("2002:a00:1::1", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("fe80::1", false, false),
            ("fd00:ec2::254", false, false),
            ("100.100.100.200", false, false),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("::7f00:1", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let parsed = ip.parse().unwrap();
            assert_eq!(Reach::Public.allows(parsed), public, "{ip}");
            assert_eq!(Reach::Internal.allows(parsed), internal, "{ip}");
        }
    }

    #[test]
    fn addresses_are_https_and_plain_only_on_this_machine() {
        for (url, public, internal) in [
            ("https://login.example.com/tenant", true, true),
            ("http://login.example.com", false, false),
            ("http://127.0.0.1:1", false, true),
            ("http://localhost:1", false, true),
            ("http://[::1]:1", false, true),
            ("http://10.0.0.1", false, false),
            ("https://10.0.0.1", false, true),
            ("https://169.254.169.254", false, false),
            // Written otherwise, it is the same.
            ("https://0xa9fea9fe", false, false),
            ("https://2852039166", false, false),
            ("https://a:b@example.com", false, false),
            ("https://example.com#x", false, false),
            ("https://example.com?x", false, false),
            ("ftp://example.com", false, false),
            ("javascript:alert(1)", false, false),
            ("", false, false),
        ] {
            assert_eq!(Reach::Public.check_issuer(url).is_ok(), public, "{url}");
            assert_eq!(Reach::Internal.check_issuer(url).is_ok(), internal, "{url}");
        }
    }
}
