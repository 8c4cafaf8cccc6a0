//! DNS probes: what each server of this host answers, and how fast.
//!
//! Asked is for the servers of the root, which every resolver knows and which says nothing of this host; and for the
//! names that the user gives. Each question goes over UDP, from a port and with a number of its own, so that nothing else
//! is taken for its answer; where that is cut off, again over TCP. A name that does not exist is an answer.

pub mod message;
pub mod servers;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::Error;
use super::probe::{Clock, Prober, Tally};
use crate::config::Roots;
use crate::config::network::Network;
use crate::metrics::families::dns::{DURATIONS, PROBE_DURATION_SECONDS, PROBES};
use message::{Question, Reply};

pub const NAME: &str = "dns";

/// Of the configured.
const MOST_NAMES: usize = 8;

/// The last bound of the histogram: what takes longer is not waited for.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// More than an answer over UDP has that nobody was asked to make longer than 512.
const UDP_BYTES: usize = 4096;

pub struct Dns {
    roots: Roots,
    questions: Vec<Question>,
    random: SystemRandom,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    NoError,
    NxDomain,
    ServFail,
    Refused,
    Timeout,
    Truncated,
    BadReply,
    NetErr,
}

impl Outcome {
    pub const ALL: [Self; 8] = [
        Self::NoError,
        Self::NxDomain,
        Self::ServFail,
        Self::Refused,
        Self::Timeout,
        Self::Truncated,
        Self::BadReply,
        Self::NetErr,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NoError => "noerror",
            Self::NxDomain => "nxdomain",
            Self::ServFail => "servfail",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::BadReply => "badreply",
            Self::NetErr => "neterr",
        }
    }
}

impl Dns {
    pub fn new(roots: &Roots, network: &Network) -> Self {
        let names = network.dns_names.iter().filter_map(|name| Question::address(name)).take(MOST_NAMES);
        let questions = [Question::root()].into_iter().chain(names).collect();
        Self { roots: roots.clone(), questions, random: SystemRandom::new() }
    }

    /// One question to one server.
    pub fn probe(
        &self,
        server: SocketAddr,
        question: &Question,
        patience: Duration,
        tally: &mut Tally,
        clock: Clock,
    ) {
        let label = server.ip().to_string();
        for outcome in Outcome::ALL {
            tally.expect(&[&question.probe, &label, outcome.name()]);
        }
        for (transport, ask) in [("udp", over_udp as Ask), ("tcp", over_tcp)] {
            let mut number = [0; 2];
            // Without random numbers anybody could answer.
            if self.random.fill(&mut number).is_err() {
                return;
            }
            let begun = clock();
            let wait = Wait { clock, until: begun + patience };
            let outcome = ask(server, &question.encode(number), question, &wait)
                .unwrap_or_else(|error| if is_timeout(&error) { Outcome::Timeout } else { Outcome::NetErr });
            let duration = clock().saturating_sub(begun);
            // Behind the last bound, however early the clock strikes.
            let is_over = outcome == Outcome::Timeout || duration >= patience;
            let duration = if is_over { duration.max(PATIENCE + Duration::from_nanos(1)) } else { duration };
            tally.observe(&[&question.probe, &label, transport, question.qtype], duration);
            tally.count(&[&question.probe, &label, outcome.name()]);
            if outcome != Outcome::Truncated {
                return;
            }
        }
    }
}

impl Prober for Dns {
    fn name(&self) -> &'static str {
        NAME
    }

    fn pause(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn tally(&self) -> Tally {
        Tally::new(&PROBE_DURATION_SECONDS, DURATIONS, &PROBES)
    }

    fn check(&self) -> Result<(), Error> {
        servers::read(&self.roots).map(|_| ())
    }

    fn round(&self, tally: &mut Tally, clock: Clock) {
        let servers = servers::read(&self.roots).unwrap_or_default();
        tally.retain(|labels| servers.iter().any(|server| server.ip().to_string() == *labels[1]));
        for server in servers {
            for question in &self.questions {
                self.probe(server, question, PATIENCE, tally, clock);
            }
        }
    }
}

/// How long to wait.
struct Wait<'c> {
    clock: Clock<'c>,
    until: Duration,
}

impl Wait<'_> {
    /// Never none, which would be for ever.
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_sub((self.clock)());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

type Ask = fn(SocketAddr, &[u8], &Question, &Wait) -> io::Result<Outcome>;

fn over_udp(server: SocketAddr, sent: &[u8], question: &Question, wait: &Wait) -> io::Result<Outcome> {
    let any = if server.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    socket.send(sent)?;
    let mut buffer = [0; UDP_BYTES];
    let mut is_bad = false;
    loop {
        let read = wait.left().and_then(|left| {
            socket.set_read_timeout(Some(left))?;
            socket.recv(&mut buffer)
        });
        match read {
            Ok(length) => match question.judge(sent, &buffer[..length]) {
                Reply::Of(outcome) => return Ok(outcome),
                // Somebody may want it to be taken for the answer, which is still to come.
                Reply::Bad => is_bad = true,
            },
            Err(error) if is_bad && is_timeout(&error) => return Ok(Outcome::BadReply),
            Err(error) => return Err(error),
        }
    }
}

fn over_tcp(server: SocketAddr, sent: &[u8], question: &Question, wait: &Wait) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect_timeout(&server, wait.left()?)?;
    let length = u16::try_from(sent.len()).map_err(|_| ErrorKind::InvalidInput)?;
    stream.set_write_timeout(Some(wait.left()?))?;
    stream.write_all(&[&length.to_be_bytes(), sent].concat())?;
    let mut reply = vec![];
    let mut buffer = [0; UDP_BYTES];
    loop {
        stream.set_read_timeout(Some(wait.left()?))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(Outcome::BadReply),
            length => reply.extend(&buffer[..length]),
        }
        let Some((length, rest)) = reply.split_first_chunk() else { continue };
        if let Some(reply) = rest.get(..usize::from(u16::from_be_bytes(*length))) {
            return Ok(match question.judge(sent, reply) {
                // Here nothing is ever cut off.
                Reply::Bad | Reply::Of(Outcome::Truncated) => Outcome::BadReply,
                Reply::Of(outcome) => outcome,
            });
        }
    }
}

/// Sockets say it in one way or the other.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}
