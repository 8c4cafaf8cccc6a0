//! What the protocols counted, from `netstat`, `snmp` and `snmp6` of the host's network.
//!
//! The first two come in pairs of lines, names and numbers, each behind its protocol; the third has a pair a line, its
//! protocol being part of the name: `Ip6InOctets 12`.

use std::iter;

use super::{Error, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::netstat::{
    self, ACTIVE_OPENS, ATTEMPT_FAILS, ESTAB_RESETS, LISTEN_DROPS, LISTEN_OVERFLOWS, LOST_RETRANSMITS,
    PASSIVE_OPENS, RECEIVE_ERRORS, RECEIVED_SEGMENTS, RETRANSMITTED_SEGMENTS, SENT_RESETS, SENT_SEGMENTS,
    SPURIOUS_RTOS, SYN_RETRANSMITS, TIMEOUTS,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "netstat";

/// Counters of TCP, and which field of which protocol they are.
const TCP: [(&str, &str, &Family); 15] = [
    ("Tcp", "ActiveOpens", &ACTIVE_OPENS),
    ("Tcp", "PassiveOpens", &PASSIVE_OPENS),
    ("Tcp", "AttemptFails", &ATTEMPT_FAILS),
    ("Tcp", "EstabResets", &ESTAB_RESETS),
    ("Tcp", "InSegs", &RECEIVED_SEGMENTS),
    ("Tcp", "OutSegs", &SENT_SEGMENTS),
    ("Tcp", "RetransSegs", &RETRANSMITTED_SEGMENTS),
    ("Tcp", "InErrs", &RECEIVE_ERRORS),
    ("Tcp", "OutRsts", &SENT_RESETS),
    ("TcpExt", "TCPTimeouts", &TIMEOUTS),
    ("TcpExt", "TCPLostRetransmit", &LOST_RETRANSMITS),
    ("TcpExt", "TCPSpuriousRTOs", &SPURIOUS_RTOS),
    ("TcpExt", "TCPSynRetrans", &SYN_RETRANSMITS),
    ("TcpExt", "ListenOverflows", &LISTEN_OVERFLOWS),
    ("TcpExt", "ListenDrops", &LISTEN_DROPS),
];

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let (net, wanted) = (net(roots), wanted());
    for file in ["netstat", "snmp", "snmp6"] {
        let path = net.join(file);
        let text = match read(&path) {
            // The kernel may do without version 6.
            Err(Error::Absent { .. }) if file == "snmp6" => break,
            text => text?,
        };
        let fields: Vec<_> =
            if file == "snmp6" { text.lines().map(single).collect() } else { pairs(&text).collect() };
        for field in fields {
            let (protocol, name, value) =
                field.ok_or_else(|| unexpected(&path, "names and numbers differ"))?;
            for (_, _, family) in wanted.iter().filter(|wanted| (wanted.0, wanted.1) == (protocol, name)) {
                out.push(family, &[], value);
            }
        }
    }
    Ok(())
}

/// Protocol, field and family of all there are.
fn wanted() -> Vec<(&'static str, &'static str, &'static Family)> {
    let own = netstat::ALL.iter().filter_map(|family| {
        let (protocol, field) = family.name.strip_prefix("node_netstat_")?.split_once('_')?;
        Some((protocol, field, *family))
    });
    own.chain(TCP).collect()
}

/// Of a protocol.
type Field<'t> = (&'t str, &'t str, f64);

/// Pairs of lines. One that is not understood is none.
fn pairs(text: &str) -> impl Iterator<Item = Option<Field<'_>>> {
    let mut lines = text.lines();
    let pairs = iter::from_fn(move || Some((lines.next()?, lines.next().unwrap_or_default())));
    pairs.flat_map(|(names, numbers)| {
        let (protocol, names) = names.split_once(':').unwrap_or((names, ""));
        let (same, numbers) = numbers.split_once(':').unwrap_or((numbers, ""));
        let (names, mut numbers) = (names.split_ascii_whitespace(), numbers.split_ascii_whitespace());
        names.map(move |name| {
            let number = numbers.next().filter(|_| protocol == same);
            Some((protocol, name, number?.parse().ok()?))
        })
    })
}

/// A line of `snmp6`.
fn single(line: &str) -> Option<Field<'_>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let value = words.next()?.parse().ok()?;
    let (protocol, field) = name.split_at(name.find('6')? + 1);
    Some((protocol, field, value))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_and_numbers_are_paired_by_protocol() {
        let text = "Tcp: InSegs MaxConn\nTcp: 200 -1\nUdp: NoPorts\nUdp: 7\n";
        let expected = [("Tcp", "InSegs", 200.0), ("Tcp", "MaxConn", -1.0), ("Udp", "NoPorts", 7.0)];
        assert_eq!(pairs(text).collect::<Vec<_>>(), expected.map(Some));
        for wrong in ["Tcp: A\nUdp: 1\n", "Tcp: A\n", "Tcp: A\nTcp: x\n", "Tcp: A B\nTcp: 1\n"] {
            assert!(pairs(wrong).any(|field| field.is_none()), "{wrong}");
        }
    }

    #[test]
    fn the_protocol_of_version_6_ends_in_its_6() {
        assert_eq!(single("Icmp6InMsgs             \t12"), Some(("Icmp6", "InMsgs", 12.0)));
        assert_eq!(single("UdpLite6InErrors 0"), Some(("UdpLite6", "InErrors", 0.0)));
        assert_eq!(single("Ip6InOctets"), None);
    }

    #[test]
    fn what_node_exporter_leaves_out_of_tcp_are_counters() {
        let proc = tempfile::tempdir().unwrap();
        let net = proc.path().join("net");
        fs::create_dir(&net).unwrap();
        fs::write(net.join("snmp"), "Tcp: AttemptFails EstabResets CurrEstab\nTcp: 3 5 7\n").unwrap();
        fs::write(net.join("netstat"), "TcpExt: TCPLostRetransmit TCPTimeouts\nTcpExt: 2 9\n").unwrap();
        let mut out = Builder::new();
        collect(&Roots { proc: proc.path().into(), ..Roots::default() }, &mut out).unwrap();
        let snapshot = out.build();
        let told: Vec<_> =
            snapshot.samples().map(|sample| format!("{} {}", sample.family.name, sample.value)).collect();
        assert_eq!(
            told,
            [
                "node_netstat_TcpExt_TCPTimeouts 9",
                "node_netstat_Tcp_CurrEstab 7",
                "odin_tcp_attempt_fails_total 3",
                "odin_tcp_estab_resets_total 5",
                "odin_tcp_lost_retransmits_total 2",
                "odin_tcp_timeouts_total 9",
            ]
        );
    }

    #[test]
    fn every_family_is_a_field() {
        assert_eq!(wanted().len(), netstat::ALL.len());
    }
}
