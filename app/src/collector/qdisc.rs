//! The queue that an interface sends from, by `rtnetlink(7)` (`linux/pkt_sched.h`, `linux/gen_stats.h`).
//!
//! As `node_exporter` has it: of the trees of queues only their roots, whose numbers hold those of the rest.

use std::collections::HashMap;

use super::Error;
use super::netlink::{Socket, attribute, failed, text, u32_at, u64_at};
use crate::config::Roots;
use crate::metrics::families::qdisc::{
    BACKLOG, BYTES, CURRENT_QUEUE_LENGTH, DROPS, OVERLIMITS, PACKETS, REQUEUES,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "qdisc";

const GET_LINK: u16 = 18;
const GET_QDISC: u16 = 38;
/// The fixed parts of questions and answers.
const LINK_BYTES: usize = 16;
const MESSAGE_BYTES: usize = 20;
/// Attributes of links; of queues, and those within the last.
const NAME_OF_LINK: u16 = 3;
const KIND: u16 = 1;
const STATISTICS: u16 = 7;
const BASIC: u16 = 1;
const QUEUE: u16 = 3;
/// Parents of roots: what has none, and the same in words.
const ROOTS: [u32; 2] = [0, u32::MAX];

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let mut socket = Socket::of_host(roots, None)?;
    let mut devices = HashMap::new();
    socket.dump(GET_LINK, &[0; LINK_BYTES], |body| devices.extend(device(body))).map_err(failed)?;
    let dumped = socket.dump(GET_QDISC, &[0; MESSAGE_BYTES], |body| {
        let Some(qdisc) = Qdisc::parse(body).filter(|qdisc| ROOTS.contains(&qdisc.parent)) else { return };
        let Some(device) = devices.get(&qdisc.interface) else { return };
        for (family, value) in [
            (&BYTES, qdisc.bytes as f64),
            (&PACKETS, qdisc.packets.into()),
            (&CURRENT_QUEUE_LENGTH, qdisc.queued_packets.into()),
            (&BACKLOG, qdisc.queued_bytes.into()),
            (&DROPS, qdisc.drops.into()),
            (&REQUEUES, qdisc.requeues.into()),
            (&OVERLIMITS, qdisc.overlimits.into()),
        ] {
            out.push(family, &[device, qdisc.kind], value);
        }
    });
    dumped.map_err(failed)
}

/// Number and name of an interface.
fn device(body: &[u8]) -> Option<(u32, String)> {
    let name = text(attribute(body.get(LINK_BYTES..)?, NAME_OF_LINK)?)?;
    Some((u32_at(body, 4)?, name.into()))
}

#[derive(Debug, PartialEq, Eq)]
struct Qdisc<'b> {
    interface: u32,
    parent: u32,
    kind: &'b str,
    bytes: u64,
    packets: u32,
    queued_packets: u32,
    queued_bytes: u32,
    drops: u32,
    requeues: u32,
    overlimits: u32,
}

impl<'b> Qdisc<'b> {
    fn parse(body: &'b [u8]) -> Option<Self> {
        let attributes = body.get(MESSAGE_BYTES..)?;
        let statistics = attribute(attributes, STATISTICS)?;
        let (basic, queue) = (attribute(statistics, BASIC)?, attribute(statistics, QUEUE)?);
        Some(Self {
            interface: u32_at(body, 4)?,
            parent: u32_at(body, 12)?,
            kind: text(attribute(attributes, KIND)?)?,
            bytes: u64_at(basic, 0)?,
            packets: u32_at(basic, 8)?,
            queued_packets: u32_at(queue, 0)?,
            queued_bytes: u32_at(queue, 4)?,
            drops: u32_at(queue, 8)?,
            requeues: u32_at(queue, 12)?,
            overlimits: u32_at(queue, 16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::netlink::tests::attribute_bytes;

    #[test]
    fn a_queue_is_read_and_what_is_cut_off_is_none() {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>();
        let basic = [83_u64.to_ne_bytes().as_slice(), &numbers(&[4, 0])].concat();
        let queue = numbers(&[5, 600, 7, 8, 9]);
        let statistics = [attribute_bytes(BASIC, &basic), attribute_bytes(QUEUE, &queue)].concat();
        let mut body = numbers(&[0, 3, 0x8001_0000, u32::MAX, 2]);
        body.extend(attribute_bytes(KIND, b"fq_codel\0"));
        body.extend(attribute_bytes(STATISTICS, &statistics));
        let expected = Qdisc {
            interface: 3,
            parent: u32::MAX,
            kind: "fq_codel",
            bytes: 83,
            packets: 4,
            queued_packets: 5,
            queued_bytes: 600,
            drops: 7,
            requeues: 8,
            overlimits: 9,
        };
        assert_eq!(Qdisc::parse(&body), Some(expected));
        for length in 0..body.len() {
            assert_eq!(Qdisc::parse(&body[..length]), None, "{length}");
        }
    }
}
