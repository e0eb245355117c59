//! `in_cidr`: IP addresses in networks. An address that is an IPv4 one inside IPv6 (`::ffff:10.0.0.1`), as sockets
//! for both report it, counts as the IPv4 address.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Given;
use crate::problem::ProblemKind;

/// Networks; one that has the address is enough.
#[derive(Debug)]
pub(crate) struct Networks(Box<[IpNet]>);

impl Networks {
    pub(crate) fn compile(given: &mut Given<'_, '_>) -> Option<Self> {
        let networks = given.each_text(|text| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| ProblemKind::Network)
        })?;
        Some(Self(networks.into()))
    }

    pub(crate) fn have(&self, text: &str) -> bool {
        text.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            self.0.iter().any(|network| network.contains(&address))
        })
    }
}
