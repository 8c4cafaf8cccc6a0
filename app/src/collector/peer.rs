//! Whom a connection is with, in a few classes: addresses are too many to be labels, and nobody's business.

use std::net::IpAddr;
use std::path::Path;

use super::routes::Route;
use crate::config::network::{Network, Prefix};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    ClaudeApi,
    Loopback,
    Lan,
    Cluster,
    Internet,
    Other,
}

impl Peer {
    pub const ALL: [Self; 6] =
        [Self::ClaudeApi, Self::Loopback, Self::Lan, Self::Cluster, Self::Internet, Self::Other];

    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeApi => "claude_api",
            Self::Loopback => "loopback",
            Self::Lan => "lan",
            Self::Cluster => "cluster",
            Self::Internet => "internet",
            Self::Other => "other",
        }
    }
}

/// Where Anthropic serves its API (<https://platform.claude.com/docs/en/api/ip-addresses>).
const CLAUDE_API: [&str; 2] = ["160.79.104.0/21", "2607:6bc0::/48"];

pub struct Classes {
    claude_api: Vec<Prefix>,
    cluster: Vec<Prefix>,
}

impl Classes {
    /// A cluster's addresses are those that the user names, and what is behind interfaces that are neither hardware nor
    /// tunnels nor the way to everywhere else: bridges and pairs of containers. `class` is the folder of interfaces.
    pub fn new(network: &Network, routes: &[Route], class: &Path) -> Self {
        let published = CLAUDE_API.iter().filter_map(|prefix| prefix.parse().ok());
        let is_inside = |route: &&Route| {
            let folder = class.join(&route.device);
            let has = |file: &str| folder.join(file).exists();
            let is_way_out = routes.iter().any(|other| other.is_default() && other.device == route.device);
            !is_way_out && route.device != "lo" && folder.is_dir() && !has("device") && !has("tun_flags")
        };
        let inside = routes.iter().filter(is_inside).map(|route| route.to);
        Self {
            claude_api: published.chain(network.claude_api.iter().copied()).collect(),
            cluster: inside.chain(network.cluster.iter().copied()).collect(),
        }
    }

    pub fn of(&self, own: IpAddr, peer: IpAddr) -> Peer {
        let (own, peer) = (own.to_canonical(), peer.to_canonical());
        let is_in = |prefixes: &[Prefix]| prefixes.iter().any(|prefix| prefix.contains(peer));
        if own == peer || peer.is_loopback() {
            Peer::Loopback
        } else if is_in(&self.claude_api) {
            Peer::ClaudeApi
        } else if is_in(&self.cluster) {
            Peer::Cluster
        } else if is_lan(peer) {
            Peer::Lan
        } else if is_internet(peer) {
            Peer::Internet
        } else {
            Peer::Other
        }
    }
}

fn is_lan(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// As far as addresses are given out to anybody: not those that carriers and overlays share (RFC 6598).
fn is_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            (1..224).contains(&first) && !(first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.segments()[0] >> 13 == 1,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn peers_are_told_by_their_addresses_and_by_what_leads_to_them() {
        let class = tempfile::tempdir().unwrap();
        for folder in ["eth0/device", "cni0", "br0", "tun0/tun_flags", "lo"] {
            fs::create_dir_all(class.path().join(folder)).unwrap();
        }
        let route = |to: &str, device: &str| Route {
            to: to.parse().unwrap(),
            gateway: None,
            device: device.into(),
            metric: 0,
        };
        let routes = [
            route("0.0.0.0/0", "br0"),
            route("192.168.1.0/24", "br0"),
            route("10.42.0.0/24", "cni0"),
            route("10.8.0.0/24", "tun0"),
            route("10.1.0.0/16", "eth0"),
            route("10.2.0.0/16", "gone"),
        ];
        let network = Network {
            cluster: vec!["10.43.0.0/16".parse().unwrap()],
            claude_api: vec!["10.9.9.9/32".parse().unwrap()],
            ..Network::default()
        };
        let classes = Classes::new(&network, &routes, class.path());
        for (peer, expected) in [
            ("127.0.0.5", Peer::Loopback),
            ("::1", Peer::Loopback),
            ("192.168.1.2", Peer::Loopback),
            ("::ffff:127.0.0.1", Peer::Loopback),
            ("160.79.104.10", Peer::ClaudeApi),
            ("2607:6bc0::10", Peer::ClaudeApi),
            ("::ffff:160.79.104.10", Peer::ClaudeApi),
            ("10.9.9.9", Peer::ClaudeApi),
            ("10.42.0.7", Peer::Cluster),
            ("10.43.0.1", Peer::Cluster),
            ("192.168.1.9", Peer::Lan),
            ("10.8.0.1", Peer::Lan),
            ("10.1.0.1", Peer::Lan),
            ("10.2.0.1", Peer::Lan),
            ("169.254.1.1", Peer::Lan),
            ("fe80::1", Peer::Lan),
            ("fd12::1", Peer::Lan),
            ("8.8.8.8", Peer::Internet),
            ("160.79.112.1", Peer::Internet),
            ("2001:4860::8888", Peer::Internet),
            ("100.100.1.1", Peer::Other),
            ("224.0.0.1", Peer::Other),
            ("0.0.0.0", Peer::Other),
            ("ff02::1", Peer::Other),
        ] {
            let own = "192.168.1.2".parse().unwrap();
            assert_eq!(classes.of(own, peer.parse().unwrap()), expected, "{peer}");
        }
    }
}
