//! Netlink (`netlink(7)`): a question to the kernel, and its answers.
//!
//! A datagram holds messages, each a header of 16 bytes and a body; what a body has to say beyond its fixed part are
//! attributes of the same kind: length, number, bytes. Numbers are in the order of the host's bytes.

use std::fs;
use std::iter;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::{Error, net};
use crate::config::Roots;

const HEADER_BYTES: usize = 16;
/// What the kernel fills at once at most.
const BUFFER_BYTES: usize = 32 << 10;

const IS_REQUEST: u16 = 0x1;
/// All there are, not one.
const IS_DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;

pub struct Socket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'b> {
    pub kind: u16,
    pub sequence: u32,
    pub body: &'b [u8],
}

impl Socket {
    /// One that asks about the host's network. The kernel tells of the network that the asker is in; where that is
    /// another one, nothing is to be told, and the host's list of such sockets lacks this one.
    pub fn of_host(roots: &Roots, protocol: Option<Protocol>) -> Result<Self, Error> {
        let socket = Self::open(protocol, 0).map_err(failed)?;
        let path = net(roots).join("netlink");
        let own = rustix::fs::fstat(&socket.fd).map_err(failed)?.st_ino.to_string();
        let is_elsewhere = fs::read_to_string(&path)
            .is_ok_and(|list| !list.lines().any(|line| line.split_ascii_whitespace().last() == Some(&own)));
        if is_elsewhere { Err(Error::Absent { path }) } else { Ok(socket) }
    }

    /// No protocol: that of routes. Also takes what the kernel says unasked in some groups, a bit each.
    pub fn open(protocol: Option<Protocol>, groups: u32) -> Result<Self, Errno> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        // Only what is bound is on the list of such sockets.
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
        Ok(Self { fd, buffer: vec![0; BUFFER_BYTES], sequence: 0 })
    }

    /// Asks for all there are of something, and hands on the body of each.
    pub fn dump(&mut self, kind: u16, question: &[u8], take: impl FnMut(&[u8])) -> Result<(), Errno> {
        self.ask(kind, IS_DUMP, question, take)
    }

    /// Asks for one thing. Some of these have no end but the answer, so `dump` is for the rest.
    pub fn get(&mut self, kind: u16, question: &[u8], take: impl FnMut(&[u8])) -> Result<(), Errno> {
        self.ask(kind, 0, question, take)
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        question: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message(kind, IS_REQUEST | flags, self.sequence, question);
        rustix::net::sendto(&self.fd, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        loop {
            let (length, _) = rustix::net::recv(&self.fd, &mut self.buffer, RecvFlags::empty())?;
            for message in messages(&self.buffer[..length]) {
                // Answers to a question that was given up.
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    ERROR | DONE => return result(message.body),
                    _ => take(message.body),
                }
                if flags & IS_DUMP == 0 {
                    return Ok(());
                }
            }
        }
    }

    /// Hands on the bodies that came unasked.
    pub fn unasked(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), Errno> {
        loop {
            match rustix::net::recv(&self.fd, &mut self.buffer, RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    for message in messages(&self.buffer[..length]) {
                        take(message.body);
                    }
                }
                // Some did not fit and are lost; the others are still there.
                Err(Errno::NOBUFS) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The error of a question. That nobody answers such questions is none.
pub fn failed(errno: Errno) -> Error {
    let path = Path::new("netlink");
    match errno {
        // The kernel was built without it, or whoever started the agent shut it in.
        Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => Error::Absent { path: path.into() },
        errno => Error::at(path, errno.into()),
    }
}

/// How a question ended: with a negative error, or none.
fn result(body: &[u8]) -> Result<(), Errno> {
    match u32_at(body, 0).map_or(0, u32::cast_signed) {
        error if error < 0 => Err(Errno::from_raw_os_error(error.saturating_neg())),
        _ => Ok(()),
    }
}

fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // From any of this process.
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// One that is cut off is not there.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let body = bytes.get(HEADER_BYTES..length)?;
        let message = Message { kind: u16_at(bytes, 4)?, sequence: u32_at(bytes, 8)?, body };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// Number and bytes of each attribute; one that is cut off is not there.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    // Two bits of the number say how the bytes are to be taken.
    const NUMBER: u16 = 0x3fff;
    iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let (number, value) = (u16_at(bytes, 2)? & NUMBER, bytes.get(4..length)?);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((number, value))
    })
}

/// The bytes of one of them.
pub fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(number, _)| *number == wanted).map(|(_, value)| value)
}

/// Text, which the kernel ends with a zero.
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::collector) fn attribute_bytes(number: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), number.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_datagram_holds_messages_and_they_attributes() {
        let attributes_bytes = [attribute_bytes(1, b"cubic\0"), attribute_bytes(0x8002, &[7])].concat();
        let datagram = [message(20, 2, 7, &attributes_bytes), message(DONE, 2, 7, &[0; 4])].concat();
        let read: Vec<_> = messages(&datagram).collect();
        assert_eq!(read[0], Message { kind: 20, sequence: 7, body: &attributes_bytes });
        assert_eq!((read.len(), read[1].kind), (2, DONE));
        let read: Vec<_> = attributes(&attributes_bytes).collect();
        assert_eq!(read, [(1, b"cubic\0".as_slice()), (2, &[7])]);
        assert_eq!(text(read[0].1), Some("cubic"));
        assert_eq!(attribute(&attributes_bytes, 2), Some([7].as_slice()));
    }

    #[test]
    fn what_is_cut_off_or_lies_about_its_length_is_not_there() {
        let whole = message(20, 2, 7, &attribute_bytes(1, b"cubic\0"));
        for length in 0..whole.len() {
            assert_eq!(messages(&whole[..length]).count(), 0);
            assert!(length < 20 || attributes(&whole[HEADER_BYTES..length]).count() <= 1);
        }
        for length in [0_u32, 3, 15, 1 << 20, u32::MAX] {
            let lie = [length.to_ne_bytes().as_slice(), &whole[4..]].concat();
            assert_eq!(messages(&lie).count(), 0, "{length}");
        }
        for length in [0_u16, 3, u16::MAX] {
            let lie = [length.to_ne_bytes(), [1, 0]].concat();
            assert_eq!(attributes(&lie).count(), 0, "{length}");
        }
    }

    #[test]
    fn the_end_of_an_answer_says_whether_it_failed() {
        assert_eq!(result(&[]), Ok(()));
        assert_eq!(result(&0_i32.to_ne_bytes()), Ok(()));
        assert_eq!(result(&(-2_i32).to_ne_bytes()), Err(Errno::NOENT));
    }
}
