//! What goes over the wire (RFC 1035, 4.1): a header of 12 bytes and a question, and the same in front of an answer.

use super::Outcome;

const HEADER_BYTES: usize = 12;

/// Answer, and that it is cut off, in the third byte.
const IS_REPLY: u8 = 0x80;
const OPCODE: u8 = 0x78;
const IS_TRUNCATED: u8 = 0x02;
/// Recursion desired.
const WANTS_RECURSION: u8 = 0x01;
const RCODE: u8 = 0x0f;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the probe is called.
    pub probe: String,
    pub qtype: &'static str,
    /// Name, type and class.
    wire: Vec<u8>,
}

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Of(Outcome),
    /// Not an answer to this question.
    Bad,
}

impl Question {
    /// For the servers of the root.
    pub fn root() -> Self {
        const NS: u8 = 2;
        Self { probe: "root".into(), qtype: "NS", wire: vec![0, 0, NS, 0, 1] }
    }

    /// For the address of a name; none: it is no name.
    pub fn address(name: &str) -> Option<Self> {
        const A: u8 = 1;
        let mut wire = vec![];
        for label in name.strip_suffix('.').unwrap_or(name).split('.') {
            let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
            wire.push(length);
            wire.extend(label.as_bytes());
        }
        wire.extend([0, 0, A, 0, 1]);
        (wire.len() <= 255 + 4).then(|| Self { probe: name.into(), qtype: "A", wire })
    }

    pub fn encode(&self, number: [u8; 2]) -> Vec<u8> {
        let header = [number[0], number[1], WANTS_RECURSION, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        [header.as_slice(), &self.wire].concat()
    }

    /// What `received` says to what was `sent`.
    pub fn judge(&self, sent: &[u8], received: &[u8]) -> Reply {
        let Some((header, rest)) = received.split_first_chunk::<HEADER_BYTES>() else { return Reply::Bad };
        let questions = u16::from_be_bytes([header[4], header[5]]);
        let rcode = header[3] & RCODE;
        // Letters come back in the case that the server likes.
        let is_same = rest.get(..self.wire.len()).is_some_and(|wire| wire.eq_ignore_ascii_case(&self.wire));
        // Who cannot answer need not repeat the question.
        let is_asked = if questions == 0 { rcode != 0 } else { questions == 1 && is_same };
        if header[..2] != sent[..2] || header[2] & (IS_REPLY | OPCODE) != IS_REPLY || !is_asked {
            return Reply::Bad;
        }
        Reply::Of(match rcode {
            _ if header[2] & IS_TRUNCATED != 0 => Outcome::Truncated,
            0 => Outcome::NoError,
            2 => Outcome::ServFail,
            3 => Outcome::NxDomain,
            5 => Outcome::Refused,
            _ => Outcome::BadReply,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_written_as_the_wire_wants_it() {
        let root = Question::root().encode([0xab, 0xcd]);
        assert_eq!(root, [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
        let name = Question::address("a.test.").unwrap();
        assert_eq!(&name.encode([0, 1])[12..], b"\x01a\x04test\0\0\x01\0\x01");
    }

    #[test]
    fn what_is_no_name_is_not_asked() {
        let long = format!("{}.test", "x".repeat(64));
        let many = vec!["x".repeat(63); 5].join(".");
        for name in ["", ".", "a..b", long.as_str(), &many] {
            assert_eq!(Question::address(name), None, "{name}");
        }
    }

    #[test]
    fn an_answer_has_the_number_and_the_question_and_says_how_it_went() {
        let question = Question::address("a.test").unwrap();
        let sent = question.encode([1, 2]);
        let reply = |flags: [u8; 2]| {
            let mut reply = sent.clone();
            reply[2..4].copy_from_slice(&flags);
            reply
        };
        for (flags, outcome) in [
            ([0x81, 0x80], Outcome::NoError),
            ([0x81, 0x82], Outcome::ServFail),
            ([0x81, 0x83], Outcome::NxDomain),
            ([0x81, 0x85], Outcome::Refused),
            ([0x81, 0x81], Outcome::BadReply),
            ([0x83, 0x80], Outcome::Truncated),
        ] {
            assert_eq!(question.judge(&sent, &reply(flags)), Reply::Of(outcome), "{flags:x?}");
        }
        let with = |change: fn(&mut Vec<u8>)| {
            let mut reply = reply([0x81, 0x80]);
            change(&mut reply);
            question.judge(&sent, &reply)
        };
        assert_eq!(with(|reply| reply[13] = b'A'), Reply::Of(Outcome::NoError));
        assert_eq!(with(|reply| reply.extend([7; 40])), Reply::Of(Outcome::NoError));
        for bad in [
            with(|reply| reply[0] = 9),
            with(|reply| reply[2] = 0x01),
            with(|reply| reply[2] = 0xa1),
            with(|reply| reply[13] = b'b'),
            with(|reply| reply[5] = 2),
            with(|reply| reply[5] = 0),
            with(|reply| reply.truncate(13)),
            with(|reply| reply.truncate(11)),
            with(Vec::clear),
        ] {
            assert_eq!(bad, Reply::Bad);
        }
        let refused = [1, 2, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(question.judge(&sent, &refused), Reply::Of(Outcome::Refused));
    }
}
