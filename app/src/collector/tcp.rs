//! TCP sockets by `sock_diag(7)`: how many are in which state, and what the kernel knows of their connections
//! (`tcp_info`, `linux/tcp.h`), in classes of peers. Anyone may ask.
//!
//! How a connection fares now is a snapshot of the open ones. What was sent and sent again is summed up: a socket adds
//! what it counted since it was last looked at, and one that ends in between is told of by the kernel when it does. What
//! was counted before the first look is not odin's to tell.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::io::Errno;
use rustix::net::netlink::SOCK_DIAG;

use super::netlink::{self, Socket, attributes, failed, u16_at, u32_at, u64_at};
use super::peer::{Classes, Peer};
use super::routes;
use super::{Collector, Error};
use crate::config::Roots;
use crate::config::network::Network;
use crate::metrics::Family;
use crate::metrics::families::tcp::{
    CONGESTION_SOCKETS, PEER_LOST_SEGMENTS, PEER_RETRANSMITTED_SEGMENTS, PEER_SENT_SEGMENTS,
    SOCKET_CWND_SEGMENTS, SOCKET_DELIVERY_RATE_BYTES_PER_SECOND, SOCKET_NOTSENT_BYTES, SOCKET_RTT_SECONDS,
    SOCKET_UNACKED_SEGMENTS, SOCKETS,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "tcp";

/// As the kernel numbers them, from 1.
pub const STATES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

/// Families of addresses, as the kernel numbers them.
const FAMILIES: [(u8, &str); 2] = [(2, "ipv4"), (10, "ipv6")];

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const IPPROTO_TCP: u8 = 6;
/// Attributes, and the bits that ask for them.
const INFO: u16 = 2;
const CONGESTION: u16 = 4;
/// Groups in which the ends of sockets of either version are told.
const ENDS: u32 = 1 | 1 << 2;
/// The fixed part of an answer.
const MESSAGE_BYTES: usize = 72;

/// How many ends of sockets wait for a look.
const ENDS_BYTES: usize = 1 << 20;

pub struct Tcp {
    roots: Roots,
    network: Network,
    open: Option<Open>,
    sums: Sums,
}

struct Open {
    socket: Socket,
    /// Hears of sockets that end; none: the kernel does not tell, or not yet.
    ends: Option<Socket>,
}

impl Tcp {
    pub fn new(roots: &Roots, network: &Network) -> Self {
        Self { roots: roots.clone(), network: network.clone(), open: None, sums: Sums::default() }
    }

    fn look(&mut self) -> Result<Look, Error> {
        let Open { socket, ends } = match &mut self.open {
            Some(open) => open,
            none => none.insert(Open { socket: Socket::of_host(&self.roots, Some(SOCK_DIAG))?, ends: None }),
        };
        let routes = routes::read(&self.roots).unwrap_or_default();
        let classes = Classes::new(&self.network, &routes, &self.roots.sys.join("class/net"));
        let (sums, is_first) = (&mut self.sums, ends.is_none());
        if let Some(ends) = ends {
            let ended = ends.unasked(|body| {
                if let Some(found) = Found::parse(body) {
                    sums.end(&found, &classes);
                }
            });
            ended.map_err(failed)?;
        }
        let mut look = Look::default();
        dump(socket, |found| {
            look.add(found, &classes);
            sums.add(found, &classes);
        })?;
        sums.finish();
        if is_first {
            *ends = hear_of_ends().ok();
        }
        Ok(look)
    }
}

impl Collector for Tcp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        self.look()?.tell(out);
        for (peer, sum) in Peer::ALL.iter().zip(self.sums.by_peer) {
            for (family, value) in [
                (&PEER_RETRANSMITTED_SEGMENTS, sum.retransmitted),
                (&PEER_SENT_SEGMENTS, sum.sent),
                (&PEER_LOST_SEGMENTS, sum.lost),
            ] {
                out.push(family, &[peer.name()], value as f64);
            }
        }
        Ok(())
    }
}

/// States of the TCP sockets of the host, by inode: what a process' descriptors are links to.
pub fn states(roots: &Roots) -> Result<HashMap<u32, &'static str>, Error> {
    let mut states = HashMap::new();
    dump(&mut Socket::of_host(roots, Some(SOCK_DIAG))?, |found| {
        // What has no process has no inode.
        if let Some(state) = found.state_name().filter(|_| found.inode > 0) {
            states.insert(found.inode, state);
        }
    })?;
    Ok(states)
}

fn hear_of_ends() -> Result<Socket, Errno> {
    let socket = Socket::open(Some(SOCK_DIAG), ENDS)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, ENDS_BYTES)?;
    Ok(socket)
}

fn dump(socket: &mut Socket, mut take: impl FnMut(&Found)) -> Result<(), Error> {
    for (family, _) in FAMILIES {
        let mut question = [0; 56];
        let asked = 1 << (INFO - 1) | 1 << (CONGESTION - 1);
        question[..3].copy_from_slice(&[family, IPPROTO_TCP, asked]);
        // All states that are told of.
        question[4..8].copy_from_slice(&0xffe_u32.to_ne_bytes());
        socket
            .dump(SOCK_DIAG_BY_FAMILY, &question, |body| {
                if let Some(found) = Found::parse(body) {
                    take(&found);
                }
            })
            .map_err(failed)?;
    }
    Ok(())
}

/// A socket, as the kernel tells of it.
#[derive(Debug)]
struct Found<'b> {
    family: u8,
    state: u8,
    own: IpAddr,
    peer: IpAddr,
    has_peer: bool,
    cookie: u64,
    inode: u32,
    /// None: there is no connection, or not yet.
    info: Option<Info>,
    congestion: Option<&'b str>,
}

impl<'b> Found<'b> {
    fn parse(body: &'b [u8]) -> Option<Self> {
        let fixed = body.get(..MESSAGE_BYTES)?;
        let (family, state) = (fixed[0], fixed[1]);
        let address = |at: usize| -> Option<IpAddr> {
            let bytes = &fixed[at..];
            Some(match family {
                2 => Ipv4Addr::from(*bytes.first_chunk::<4>()?).into(),
                _ => Ipv6Addr::from(*bytes.first_chunk::<16>()?).into(),
            })
        };
        let (mut info, mut congestion) = (None, None);
        for (number, value) in attributes(&body[MESSAGE_BYTES..]) {
            match number {
                INFO => info = Info::parse(value),
                CONGESTION => congestion = netlink::text(value),
                _ => {}
            }
        }
        let (own, peer) = (address(8)?, address(24)?);
        let (cookie, inode) = (u64_at(fixed, 44)?, u32_at(fixed, 68)?);
        Some(Self {
            family,
            state,
            own,
            peer,
            has_peer: u16_at(fixed, 6)? != 0,
            cookie,
            inode,
            info,
            congestion,
        })
    }

    fn state_name(&self) -> Option<&'static str> {
        STATES.get(usize::from(self.state).checked_sub(1)?).copied()
    }

    /// Both ends know of each other, and one of them is not done.
    fn is_connected(&self) -> bool {
        self.has_peer
            && matches!(
                self.state_name(),
                Some("established" | "fin_wait1" | "fin_wait2" | "close_wait" | "last_ack" | "closing")
            )
    }
}

/// What is read of a `tcp_info`, which has grown over the years: what an older kernel lacks is none.
#[derive(Debug, Clone, Copy)]
struct Info {
    rtt_us: u32,
    cwnd: u32,
    unacked: u32,
    lost: u32,
    total_retransmitted: u32,
    segments_sent: Option<u32>,
    notsent_bytes: Option<u32>,
    /// Bytes per second.
    delivery_rate: Option<u64>,
}

impl Info {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at| u32_at(bytes, at);
        Some(Self {
            unacked: number(24)?,
            lost: number(32)?,
            rtt_us: number(68)?,
            cwnd: number(80)?,
            total_retransmitted: number(100)?,
            segments_sent: number(136),
            notsent_bytes: number(144),
            delivery_rate: u64_at(bytes, 160),
        })
    }
}

/// What of a connection is shown, and how many of a number are one of its unit.
const SHOWN: [(&Family, f64); 5] = [
    (&SOCKET_RTT_SECONDS, 1e6),
    (&SOCKET_CWND_SEGMENTS, 1.0),
    (&SOCKET_UNACKED_SEGMENTS, 1.0),
    (&SOCKET_DELIVERY_RATE_BYTES_PER_SECOND, 1.0),
    (&SOCKET_NOTSENT_BYTES, 1.0),
];

/// The sockets of a moment.
#[derive(Default)]
struct Look {
    /// By state, and family of addresses.
    sockets: [[u64; FAMILIES.len()]; STATES.len()],
    algorithms: BTreeMap<Box<str>, u64>,
    /// By peer, in the order of what is shown.
    numbers: [[Vec<u64>; SHOWN.len()]; Peer::ALL.len()],
}

impl Look {
    fn add(&mut self, found: &Found, classes: &Classes) {
        let family = FAMILIES.iter().position(|(number, _)| *number == found.family);
        let state = usize::from(found.state).checked_sub(1).and_then(|state| self.sockets.get_mut(state));
        if let (Some(family), Some(state)) = (family, state) {
            state[family] += 1;
        }
        if !found.is_connected() {
            return;
        }
        if let Some(algorithm) = found.congestion {
            match self.algorithms.get_mut(algorithm) {
                Some(count) => *count += 1,
                None => _ = self.algorithms.insert(algorithm.into(), 1),
            }
        }
        let Some(info) = found.info else { return };
        let numbers = [
            // Nothing was measured yet where these are 0.
            Some(info.rtt_us.into()).filter(|rtt| *rtt > 0),
            Some(info.cwnd.into()),
            Some(info.unacked.into()),
            info.delivery_rate.filter(|rate| *rate > 0),
            info.notsent_bytes.map(u64::from),
        ];
        let shown = &mut self.numbers[classes.of(found.own, found.peer) as usize];
        for (shown, number) in shown.iter_mut().zip(numbers) {
            shown.extend(number);
        }
    }

    fn tell(self, out: &mut Builder) {
        for (state, counts) in STATES.iter().zip(self.sockets) {
            for ((_, family), count) in FAMILIES.iter().zip(counts) {
                out.push(&SOCKETS, &[state, family], count as f64);
            }
        }
        for (algorithm, count) in &self.algorithms {
            out.push(&CONGESTION_SOCKETS, &[algorithm], *count as f64);
        }
        for (peer, shown) in Peer::ALL.iter().zip(self.numbers) {
            for ((family, unit), mut numbers) in SHOWN.into_iter().zip(shown) {
                numbers.sort_unstable();
                for (stat, percent) in [("p50", 50), ("p90", 90), ("max", 100)] {
                    if let Some(number) = percentile(&numbers, percent) {
                        out.push(family, &[peer.name(), stat], number as f64 / unit);
                    }
                }
            }
        }
    }
}

/// The least number that so many are not above, of numbers in order.
fn percentile(numbers: &[u64], percent: usize) -> Option<u64> {
    numbers.get((numbers.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

/// What sockets counted since the first look, by class of peer.
#[derive(Default)]
struct Sums {
    by_peer: [Sum; Peer::ALL.len()],
    known: HashMap<u64, Known>,
    /// Looks so far.
    looks: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    retransmitted: u64,
    sent: u64,
    lost: u64,
}

/// A socket, and what it had counted when it was last looked at.
#[derive(Debug, Clone, Copy)]
struct Known {
    peer: Peer,
    retransmitted: u32,
    sent: u32,
    lost: u32,
    look: u64,
}

impl Sums {
    fn add(&mut self, found: &Found, classes: &Classes) {
        let Some(info) = found.info.filter(|_| found.has_peer) else { return };
        let before = self.known.get(&found.cookie);
        let peer = before.map_or_else(|| classes.of(found.own, found.peer), |known| known.peer);
        let now = Known {
            peer,
            retransmitted: info.total_retransmitted,
            sent: info.segments_sent.unwrap_or_default(),
            lost: info.lost,
            look: self.looks,
        };
        // One that was not there at the look before has begun since.
        let before = before.copied().unwrap_or(Known { retransmitted: 0, sent: 0, lost: 0, ..now });
        self.known.insert(found.cookie, now);
        if self.looks > 0 {
            let sum = &mut self.by_peer[peer as usize];
            // These go round.
            sum.retransmitted += u64::from(now.retransmitted.wrapping_sub(before.retransmitted));
            sum.sent += u64::from(now.sent.wrapping_sub(before.sent));
            // This one says what is missing at present.
            sum.lost += u64::from(now.lost.saturating_sub(before.lost));
        }
    }

    /// A socket has ended, with these numbers.
    fn end(&mut self, found: &Found, classes: &Classes) {
        self.add(found, classes);
        self.known.remove(&found.cookie);
    }

    /// Of sockets that are no more there the kernel tells before the next look, if at all.
    fn finish(&mut self) {
        let look = self.looks;
        self.known.retain(|_, known| known.look + 1 >= look);
        self.looks += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of the kernel, of a connection from 192.0.2.1.
    struct Answer {
        state: u8,
        peer: [u8; 4],
        port: u16,
        cookie: u64,
        info: Vec<u8>,
    }

    impl Default for Answer {
        fn default() -> Self {
            Self { state: 1, peer: [8, 8, 8, 8], port: 443, cookie: 7, info: info(&[], 248) }
        }
    }

    impl Answer {
        fn bytes(&self) -> Vec<u8> {
            let mut bytes = vec![0; MESSAGE_BYTES];
            bytes[..2].copy_from_slice(&[2, self.state]);
            bytes[6..8].copy_from_slice(&self.port.to_be_bytes());
            bytes[8..12].copy_from_slice(&[192, 0, 2, 1]);
            bytes[24..28].copy_from_slice(&self.peer);
            bytes[44..52].copy_from_slice(&self.cookie.to_ne_bytes());
            bytes[68..72].copy_from_slice(&99_u32.to_ne_bytes());
            for (number, value) in [(INFO, self.info.as_slice()), (CONGESTION, b"cubic\0\0\0")] {
                bytes.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
                bytes.extend(number.to_ne_bytes());
                bytes.extend(value);
            }
            bytes
        }
    }

    /// A `tcp_info` with numbers at some places.
    fn info(numbers: &[(usize, u32)], length: usize) -> Vec<u8> {
        let mut bytes = vec![0; 248];
        for (at, number) in numbers {
            bytes[*at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn classes() -> Classes {
        Classes::new(&Network::default(), &[], "/nowhere".as_ref())
    }

    const RTT: usize = 68;
    const RETRANSMITTED: usize = 100;
    const SENT: usize = 136;
    const LOST: usize = 32;

    #[test]
    fn an_answer_is_read_and_older_kernels_say_less() {
        let bytes = Answer { info: info(&[(RTT, 50_000), (SENT, 12)], 248), ..Answer::default() }.bytes();
        let found = Found::parse(&bytes).unwrap();
        assert_eq!(
            (found.state_name(), found.peer.to_string(), found.cookie, found.inode, found.congestion),
            (Some("established"), "8.8.8.8".into(), 7, 99, Some("cubic"))
        );
        let read = found.info.unwrap();
        assert_eq!((read.rtt_us, read.segments_sent, read.delivery_rate), (50_000, Some(12), Some(0)));
        let bytes = Answer { info: info(&[(RTT, 50_000)], 104), ..Answer::default() }.bytes();
        let read = Found::parse(&bytes).unwrap().info.unwrap();
        assert_eq!((read.rtt_us, read.segments_sent, read.delivery_rate), (50_000, None, None));
        for length in 0..bytes.len() {
            let found = Found::parse(&bytes[..length]);
            assert!(length >= MESSAGE_BYTES || found.is_none());
        }
    }

    #[test]
    fn numbers_are_summed_from_the_first_look_on_and_of_new_sockets_in_full() {
        let (mut sums, classes) = (Sums::default(), classes());
        let mut look = |answers: &[(u64, u32)], ended: &[(u64, u32)]| {
            let answer = |(cookie, sent): &(u64, u32)| {
                let info = info(&[(SENT, *sent), (RETRANSMITTED, sent / 10)], 248);
                Answer { cookie: *cookie, info, ..Answer::default() }.bytes()
            };
            for bytes in ended.iter().map(answer) {
                sums.end(&Found::parse(&bytes).unwrap(), &classes);
            }
            for bytes in answers.iter().map(answer) {
                sums.add(&Found::parse(&bytes).unwrap(), &classes);
            }
            sums.finish();
            let sum = sums.by_peer[Peer::Internet as usize];
            (sum.sent, sum.retransmitted, sums.known.len())
        };
        assert_eq!(look(&[(1, 1000), (2, 500)], &[]), (0, 0, 2));
        assert_eq!(look(&[(1, 1010), (2, 500)], &[]), (10, 1, 2));
        assert_eq!(look(&[(1, 1010), (3, 40)], &[]), (50, 5, 3));
        // The second has ended meanwhile, and so has one that was never seen.
        assert_eq!(look(&[(1, 1010), (3, 40)], &[(2, 520), (4, 30)]), (100, 10, 2));
        // One of whose end nothing is heard is forgotten.
        assert_eq!(look(&[(1, 1010)], &[]).2, 2);
        assert_eq!(look(&[(1, 1010)], &[]), (100, 10, 1));
    }

    #[test]
    fn numbers_that_go_round_go_on() {
        let (mut sums, classes) = (Sums::default(), classes());
        for sent in [u32::MAX - 4, 5] {
            let bytes = Answer { info: info(&[(SENT, sent)], 248), ..Answer::default() }.bytes();
            sums.add(&Found::parse(&bytes).unwrap(), &classes);
            sums.finish();
        }
        assert_eq!(sums.by_peer[Peer::Internet as usize].sent, 10);
    }

    #[test]
    fn what_is_lost_is_counted_as_it_rises() {
        let (mut sums, classes) = (Sums::default(), classes());
        for lost in [3, 5, 0, 4, 4] {
            let bytes = Answer { info: info(&[(LOST, lost)], 248), ..Answer::default() }.bytes();
            sums.add(&Found::parse(&bytes).unwrap(), &classes);
            sums.finish();
        }
        assert_eq!(sums.by_peer[Peer::Internet as usize].lost, 2 + 4);
    }

    #[test]
    fn listeners_and_what_was_never_connected_have_no_part_in_connections() {
        let (mut look, mut sums, classes) =
            (Look::default(), Sums { looks: 1, ..Sums::default() }, classes());
        let info = info(&[(RTT, 9), (SENT, 9)], 248);
        for (state, port) in [(10, 0), (7, 0), (6, 443), (2, 443), (1, 443)] {
            let bytes =
                Answer { state, port, cookie: state.into(), info: info.clone(), ..Answer::default() }.bytes();
            let found = Found::parse(&bytes).unwrap();
            look.add(&found, &classes);
            sums.add(&found, &classes);
        }
        assert_eq!(look.numbers[Peer::Internet as usize][0], [9]);
        assert_eq!(look.algorithms, BTreeMap::from([("cubic".into(), 1)]));
        assert_eq!(look.sockets.map(|[version_4, _]| version_4), [1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0]);
        assert_eq!(sums.known.len(), 3);
    }

    #[test]
    fn percentiles_are_numbers_that_there_are() {
        let numbers: Vec<u64> = (1..=10).collect();
        let of = |numbers: &[u64]| [50, 90, 100].map(|percent| percentile(numbers, percent));
        assert_eq!(of(&numbers), [Some(5), Some(9), Some(10)]);
        assert_eq!(of(&[7]), [Some(7); 3]);
        assert_eq!(of(&[]), [None; 3]);
    }
}
