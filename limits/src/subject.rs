//! Whose requests are counted.

use std::net::{IpAddr, Ipv6Addr};

use uuid::Uuid;

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A key, by its hash.
    Key([u8; 32]),
    /// A person.
    User(Uuid),
    /// An organization.
    Organization(Uuid),
    /// An address. Those of IPv6 count by their first 64 bits, which is what one household or machine is given; those
    /// of IPv4 that are written as IPv6 count as IPv4.
    Address(IpAddr),
    /// Something else with a name, by a hash of it: an e-mail address that somebody tries to sign in with.
    Name([u8; 32]),
}

impl Subject {
    /// The same for all addresses that count as one.
    pub(crate) fn settled(self) -> Self {
        match self {
            Self::Address(address) => Self::Address(match address.to_canonical() {
                IpAddr::V6(address) => {
                    let network = u128::from(address) & !u128::from(u64::MAX);
                    IpAddr::V6(Ipv6Addr::from(network))
                }
                address @ IpAddr::V4(_) => address,
            }),
            other => other,
        }
    }

    /// Its kind and what tells it from others of its kind.
    pub(crate) fn feed(self, mut take: impl FnMut(&[u8])) {
        match self.settled() {
            Self::Key(hash) => {
                take(b"key");
                take(&hash);
            }
            Self::User(id) => {
                take(b"user");
                take(id.as_bytes());
            }
            Self::Organization(id) => {
                take(b"organization");
                take(id.as_bytes());
            }
            Self::Address(IpAddr::V4(address)) => {
                take(b"v4");
                take(&address.octets());
            }
            Self::Address(IpAddr::V6(address)) => {
                take(b"v6");
                take(&address.octets());
            }
            Self::Name(hash) => {
                take(b"name");
                take(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(address: &str) -> String {
        match Subject::Address(address.parse().unwrap()).settled() {
            Subject::Address(address) => address.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        assert_eq!(settled("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(settled("2001:db8:1:3::1"), "2001:db8:1:3::");
        assert_eq!(settled("203.0.113.7"), "203.0.113.7");
        assert_eq!(settled("::ffff:203.0.113.7"), "203.0.113.7");
    }
}
