//! Path probes: how long the way to the gateways is, and what is lost on it, by ICMP echo (RFC 792, RFC 4443).
//!
//! The gateways are those of the default routes of the host. Anyone may send echoes whose group is in
//! `net.ipv4.ping_group_range` (`icmp(7)`); others need `CAP_NET_RAW`. Where neither is given there is nothing to tell.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::probe::{Clock, Prober, Tally};
use super::routes::{self, Route};
use super::{Error, read};
use crate::config::Roots;
use crate::config::network::Network;
use crate::metrics::families::path::{PROBE_PACKETS, PROBE_RTT_SECONDS, ROUND_TRIPS};

pub const NAME: &str = "path";

/// Of the configured.
const MOST_TARGETS: usize = 8;

/// An echo that takes longer is lost.
pub const PATIENCE: Duration = Duration::from_secs(1);

const RESULTS: [&str; 4] = ["reply", "timeout", "unreachable", "error"];

/// What tells an echo from those of others.
type Token = [u8; 16];

pub struct Path {
    roots: Roots,
    configured: Vec<IpAddr>,
    random: SystemRandom,
}

impl Path {
    pub fn new(roots: &Roots, network: &Network) -> Self {
        let configured = network.path_targets.iter().take(MOST_TARGETS).copied().collect();
        Self { roots: roots.clone(), configured, random: SystemRandom::new() }
    }

    /// By the name of their series.
    fn targets(&self) -> Result<Vec<(String, SocketAddr)>, Error> {
        let routes = routes::read(&self.roots)?;
        let mut targets = vec![];
        for (name, is_version_4) in [("gateway4", true), ("gateway6", false)] {
            let is_way = |route: &&Route| route.is_default() && route.to.address.is_ipv4() == is_version_4;
            let way = routes.iter().filter(is_way).min_by_key(|route| route.metric);
            let Some((way, gateway)) = way.and_then(|way| Some((way, way.gateway?))) else { continue };
            let address = match gateway {
                IpAddr::V4(_) => SocketAddr::new(gateway, 0),
                // Mostly an address of the link, which only means something with its interface.
                IpAddr::V6(gateway) => {
                    let index = self.roots.sys.join("class/net").join(&way.device).join("ifindex");
                    let scope = read(&index).ok().and_then(|text| text.trim().parse().ok());
                    SocketAddrV6::new(gateway, 0, 0, scope.unwrap_or_default()).into()
                }
            };
            targets.push((name.to_owned(), address));
        }
        targets
            .extend(self.configured.iter().map(|target| (target.to_string(), SocketAddr::new(*target, 0))));
        if targets.is_empty() { Err(Error::Absent { path: "a default route".into() }) } else { Ok(targets) }
    }

    /// One echo.
    pub fn probe(&self, name: &str, target: SocketAddr, patience: Duration, tally: &mut Tally, clock: Clock) {
        for result in RESULTS {
            tally.expect(&[name, result]);
        }
        let mut token = Token::default();
        let filled = self.random.fill(&mut token).map_err(|_| io::Error::from(ErrorKind::Other));
        let result = match filled.and_then(|()| round_trip(target, token, patience, clock)) {
            Ok(duration) => {
                tally.observe(&[name], duration);
                "reply"
            }
            Err(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => "timeout",
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::ConnectionRefused => {
                    "unreachable"
                }
                _ => "error",
            },
        };
        tally.count(&[name, result]);
    }
}

impl Prober for Path {
    fn name(&self) -> &'static str {
        NAME
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn tally(&self) -> Tally {
        Tally::new(&PROBE_RTT_SECONDS, ROUND_TRIPS, &PROBE_PACKETS)
    }

    fn check(&self) -> Result<(), Error> {
        let targets = self.targets()?;
        let opened = targets.iter().map(|(_, target)| Socket::open(*target));
        match opened.collect::<Result<Vec<_>, _>>() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Err(Error::Absent { path: "an ICMP socket".into() })
            }
            Err(source) => Err(Error::Read { path: PathBuf::from("an ICMP socket"), source }),
        }
    }

    fn round(&self, tally: &mut Tally, clock: Clock) {
        let targets = self.targets().unwrap_or_default();
        tally.retain(|labels| targets.iter().any(|(name, _)| **name == *labels[0]));
        if self.check().is_ok() {
            for (name, target) in targets {
                self.probe(&name, target, PATIENCE, tally, clock);
            }
        }
    }
}

fn round_trip(target: SocketAddr, token: Token, patience: Duration, clock: Clock) -> io::Result<Duration> {
    let Socket { socket, has_header } = Socket::open(target)?;
    socket.connect(target)?;
    let begun = clock();
    socket.send(&request(target.is_ipv4(), token))?;
    let mut buffer = [0; 512];
    loop {
        let left = patience.saturating_sub(clock().saturating_sub(begun));
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        let duration = clock().saturating_sub(begun);
        if is_reply(&buffer[..length], has_header, target.is_ipv4(), token) {
            return Ok(duration);
        }
    }
}

/// Sends and receives ICMP; the library's type for datagrams does what is needed.
struct Socket {
    socket: UdpSocket,
    /// What is received begins with the header of the packet.
    has_header: bool,
}

impl Socket {
    fn open(target: SocketAddr) -> io::Result<Self> {
        let (family, protocol) = match target {
            SocketAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
            SocketAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let open = |kind| socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol));
        let of = |fd: OwnedFd, has_header| Self { socket: fd.into(), has_header };
        match open(SocketType::DGRAM) {
            Err(Errno::ACCESS | Errno::PERM) => Ok(of(open(SocketType::RAW)?, target.is_ipv4())),
            opened => Ok(of(opened?, false)),
        }
    }
}

/// Kinds of messages.
const ECHO_4: u8 = 8;
const ECHO_REPLY_4: u8 = 0;
const ECHO_6: u8 = 128;
const ECHO_REPLY_6: u8 = 129;

/// The kernel does the checksum where it knows what the socket is for, which of a raw one of version 4 it does not.
fn request(is_version_4: bool, token: Token) -> Vec<u8> {
    let kind = if is_version_4 { ECHO_4 } else { ECHO_6 };
    let mut bytes = [[kind, 0, 0, 0, token[0], token[1], 0, 1].as_slice(), &token].concat();
    let checksum = checksum(&bytes).to_be_bytes();
    bytes[2..4].copy_from_slice(&checksum);
    bytes
}

fn is_reply(mut bytes: &[u8], has_header: bool, is_version_4: bool, token: Token) -> bool {
    if has_header {
        let words = bytes.first().map_or(0, |first| first & 0xf);
        bytes = bytes.get(usize::from(words) * 4..).unwrap_or_default();
    }
    let kind = if is_version_4 { ECHO_REPLY_4 } else { ECHO_REPLY_6 };
    bytes.get(..2) == Some(&[kind, 0]) && bytes.get(8..) == Some(&token)
}

/// That of the internet (RFC 1071), over a whole number of words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    !words.fold(0, |sum: u16, word| {
        let (sum, is_over) = sum.overflowing_add(word);
        sum + u16::from(is_over)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_known_by_its_token() {
        let token: Token = *b"0123456789abcdef";
        let sent = request(true, token);
        // What a receiver does: with its checksum the sum of a message is none.
        assert_eq!((sent[0], checksum(&sent)), (8, 0));
        let mut reply = sent.clone();
        reply[0] = 0;
        // The kernel writes numbers of its own here.
        reply[4] = 9;
        let with_header = [[0x46; 24].as_slice(), &reply].concat();
        assert!(is_reply(&reply, false, true, token));
        assert!(is_reply(&with_header, true, true, token));
        assert!(!is_reply(&sent, false, true, token));
        assert!(!is_reply(&reply, false, true, [0; 16]));
        assert!(!is_reply(&reply, false, false, token));
        for length in 0..reply.len() {
            assert!(!is_reply(&reply[..length], false, true, token));
            assert!(!is_reply(&with_header[..length], true, true, token));
        }
        let mut reply = request(false, token);
        assert_eq!(reply[0], 128);
        reply[0] = 129;
        assert!(is_reply(&reply, false, false, token));
    }

    #[test]
    fn carries_go_round_in_a_checksum() {
        assert_eq!(checksum(&[0xff, 0xff, 0x00, 0x01]), !0x0001);
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn the_gateways_are_those_of_the_best_default_routes() {
        let host = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(host.path().join("1/net")).unwrap();
        std::fs::create_dir_all(host.path().join("class/net/eth1")).unwrap();
        std::fs::write(host.path().join("class/net/eth1/ifindex"), "3\n").unwrap();
        let word = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let (far, near) = (word([192, 0, 2, 9]), word([192, 0, 2, 1]));
        let text = format!(
            "Iface\nwlan0\t00000000\t{far}\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             eth0\t00000000\t{near}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        );
        std::fs::write(host.path().join("1/net/route"), text).unwrap();
        let (zero, link) = ("0".repeat(32), "fe800000000000000000000000000001");
        let text = format!("{zero} 00 {zero} 00 {link} 00000400 1 0 00000003 eth1\n");
        std::fs::write(host.path().join("1/net/ipv6_route"), text).unwrap();
        let roots = Roots { proc: host.path().into(), sys: host.path().into(), ..Roots::default() };
        let network = Network { path_targets: vec!["198.51.100.1".parse().unwrap()], ..Network::default() };
        let targets = Path::new(&roots, &network).targets().unwrap();
        let targets: Vec<_> = targets.iter().map(|(name, target)| format!("{name} {target}")).collect();
        assert_eq!(
            targets,
            ["gateway4 192.0.2.1:0", "gateway6 [fe80::1%3]:0", "198.51.100.1 198.51.100.1:0"]
        );
    }
}
