//! `[network]` of the config file: what the addresses around this host belong to, and whom probes may ask besides.

use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Where the Claude API is served, too: a gateway, or a cloud's endpoint.
    pub claude_api: Vec<Prefix>,
    /// Pods and services of a cluster.
    pub cluster: Vec<Prefix>,
    /// Names that DNS servers are asked for. Without any, only for what every server knows.
    pub dns_names: Vec<String>,
    /// Hosts to which the way is measured, besides the gateways.
    pub path_targets: Vec<IpAddr>,
}

/// The addresses that begin alike: `10.42.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix {
    pub address: IpAddr,
    /// Bits that are alike.
    pub length: u8,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no network `{0}`; use an address and the length of its prefix, such as 10.42.0.0/16")]
pub struct NoPrefix(String);

impl Prefix {
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let differing: u128 = own ^ other;
        differing.checked_shr(width - u32::from(self.length)).unwrap_or_default() == 0
    }
}

impl FromStr for Prefix {
    type Err = NoPrefix;

    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let parse = || {
            let (address, length) = text.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let width = if address.is_ipv4() { 32 } else { 128 };
            Some(Self { address, length: length.parse().ok().filter(|length| *length <= width)? })
        };
        parse().ok_or_else(|| NoPrefix(text.into()))
    }
}

impl TryFrom<String> for Prefix {
    type Error = NoPrefix;

    fn try_from(text: String) -> Result<Self, NoPrefix> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_holds_what_begins_alike() {
        for (prefix, address, holds) in [
            ("10.42.0.0/16", "10.42.255.1", true),
            ("10.42.0.0/16", "10.43.0.1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.6", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "2001:db8::1", true),
            ("::1/128", "::2", false),
            ("0.0.0.0/0", "::1", false),
        ] {
            let prefix: Prefix = prefix.parse().unwrap();
            assert_eq!(prefix.contains(address.parse().unwrap()), holds, "{prefix:?} {address}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_told() {
        for wrong in ["10.0.0.0", "10.0.0.0/33", "::/129", "ten/8", "10.0.0.0/-1", ""] {
            assert_eq!(wrong.parse::<Prefix>(), Err(NoPrefix(wrong.into())));
        }
    }
}
