//! The agent beside a real `node_exporter` on the same kernel: what both tell is the same, within what changes meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::agent::Agent;
use crate::harness::{Home, skip, tell};
use crate::node_fixtures::{COLLECTORS, samples};

/// Debian's name for it.
const NODE_EXPORTER: &str = "prometheus-node-exporter";

/// How often to look at both at most. Each series has to be right once: what goes up and down may be anywhere in between.
const LOOKS: usize = 60;

/// Series that may be missing on either side, as in `node_fixtures`.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("node_cpu_frequency_hertz", "", "node_exporter tells it only by request"),
    ("node_network_speed_bytes", "", "node_exporter tells a speed of -1 where there is none"),
    ("node_softnet_", "", "older versions of node_exporter lack some"),
];

const NEW_LABELS: &[&str] = &["adminstate=", "device_error=", "rotational="];

/// Name and labels.
type Series = (String, String);
type Samples = BTreeMap<Series, f64>;

/// A running `node_exporter`, which is killed with its test.
struct NodeExporter {
    child: Child,
    address: SocketAddr,
}

impl NodeExporter {
    fn start() -> Option<Self> {
        let mut command = Command::new(NODE_EXPORTER);
        command.args(["--web.listen-address=127.0.0.1:0", "--collector.udp_queues"]);
        // Debian has defaults of its own, and those of its version are not the latest.
        command.args([
            "--collector.netdev.device-exclude=^$",
            r"--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
            "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)",
        ]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "{NODE_EXPORTER} ended");
            if let Some((_, address)) = line.split_once("Listening on\" address=") {
                break address.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Some(Self { child, address })
    }

    fn samples(&self) -> Samples {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // In this version the answer is in one piece, up to the end.
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        compared(answer.split_once("\r\n\r\n").unwrap().1)
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Of the collectors that are compared. Labels that older versions of `node_exporter` lack are left out.
fn compared(page: &str) -> Samples {
    let mut found = Samples::new();
    for ((name, labels), value) in samples(page) {
        let is_compared = COLLECTORS.iter().any(|(_, family)| name.starts_with(family))
            || ["node_filesystem_", "node_time_seconds", "node_uname_info", "node_timex_"]
                .iter()
                .any(|family| name.starts_with(family));
        if is_compared {
            let is_old = |label: &&str| !NEW_LABELS.iter().any(|new| label.starts_with(new));
            let labels = labels.split(',').filter(is_old);
            found.insert((name, labels.collect::<Vec<_>>().join(",")), value);
        }
    }
    found
}

/// What one of the two does not tell at all is compared on the tree of fixtures; and an interface that is no link of the
/// host has no series of its own here.
fn is_excused((name, labels): &Series, ours: &Samples, theirs: &Samples) -> bool {
    let is_unknown = |page: &Samples| !page.keys().any(|(known, _)| known == name);
    let device = labels.split(',').find(|label| label.starts_with("device="));
    let is_link = device.is_some_and(|device| ours.contains_key(&("node_network_up".into(), device.into())));
    is_unknown(ours)
        || is_unknown(theirs)
        || (name.starts_with("node_network_") && !is_link)
        || DIFFERENCES.iter().any(|row| name.starts_with(row.0) && labels.contains(row.1))
}

#[test]
fn what_both_tell_is_the_same() {
    let Some(node_exporter) = NodeExporter::start() else {
        return skip("no `prometheus-node-exporter` to compare with: install Debian's package");
    };
    let home = Home::new();
    let agent = Agent::start(&home);
    let own = || compared(&String::from_utf8(agent.get("/metrics", "").body).unwrap());
    let (mut right, mut wrong) = (BTreeSet::new(), BTreeMap::new());
    for _ in 0..LOOKS {
        let (before, theirs, after) = (own(), node_exporter.samples(), own());
        wrong.clear();
        for series in before.keys().chain(theirs.keys()).chain(after.keys()) {
            let values = [&before, &theirs, &after].map(|page| page.get(series).copied());
            let is_between = match values {
                [Some(first), Some(value), Some(last)] => {
                    (first.min(last)..=first.max(last)).contains(&value)
                }
                _ => false,
            };
            if is_between {
                right.insert(series.clone());
            } else if !is_excused(series, &before, &theirs) && !right.contains(series) {
                wrong.insert(series.clone(), values);
            }
        }
        if wrong.is_empty() {
            break;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let names: BTreeSet<&str> = right.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.len() > 100, "{names:?}");
    tell(&format!("beside node_exporter: {} series of {} families agree", right.len(), names.len()));
}
