//! Traffic of network interfaces, from `dev` of the host's network: sixteen numbers an interface (`proc_pid_net(5)`).
//!
//! What is a link of the host has series of its own (`netclass`). The others come and go with containers: they are told
//! in sums of their kind, to which each adds what it counted since it was last looked at, so that a sum never falls.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::netclass::Interfaces;
use super::{Collector, Error, KERNEL_LANE, attribute, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::netdev::{
    NETWORK_KIND_BYTES, NETWORK_KIND_DROPS, NETWORK_KIND_ERRORS, NETWORK_KIND_INTERFACES,
    NETWORK_KIND_PACKETS, RECEIVE_BYTES, RECEIVE_COMPRESSED, RECEIVE_DROP, RECEIVE_ERRS, RECEIVE_FIFO,
    RECEIVE_FRAME, RECEIVE_MULTICAST, RECEIVE_NOHANDLER, RECEIVE_PACKETS, TRANSMIT_BYTES, TRANSMIT_CARRIER,
    TRANSMIT_COLLS, TRANSMIT_COMPRESSED, TRANSMIT_DROP, TRANSMIT_ERRS, TRANSMIT_FIFO, TRANSMIT_PACKETS,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "netdev";

/// In the order of the file.
const NUMBERS: [&Family; 16] = [
    &RECEIVE_BYTES,
    &RECEIVE_PACKETS,
    &RECEIVE_ERRS,
    &RECEIVE_DROP,
    &RECEIVE_FIFO,
    &RECEIVE_FRAME,
    &RECEIVE_COMPRESSED,
    &RECEIVE_MULTICAST,
    &TRANSMIT_BYTES,
    &TRANSMIT_PACKETS,
    &TRANSMIT_ERRS,
    &TRANSMIT_DROP,
    &TRANSMIT_FIFO,
    &TRANSMIT_COLLS,
    &TRANSMIT_CARRIER,
    &TRANSMIT_COMPRESSED,
];
type Numbers = [u64; NUMBERS.len()];

/// Which numbers are summed.
const SUMMED: [(&Family, &str, usize); 8] = [
    (&NETWORK_KIND_BYTES, "receive", 0),
    (&NETWORK_KIND_PACKETS, "receive", 1),
    (&NETWORK_KIND_ERRORS, "receive", 2),
    (&NETWORK_KIND_DROPS, "receive", 3),
    (&NETWORK_KIND_BYTES, "transmit", 8),
    (&NETWORK_KIND_PACKETS, "transmit", 9),
    (&NETWORK_KIND_ERRORS, "transmit", 10),
    (&NETWORK_KIND_DROPS, "transmit", 11),
];

pub struct Netdev {
    roots: Roots,
    interfaces: Interfaces,
    /// By name: which interface it was, and what it counted.
    seen: HashMap<String, (String, Numbers)>,
    sums: BTreeMap<&'static str, Sum>,
}

#[derive(Default)]
struct Sum {
    interfaces: u64,
    numbers: Numbers,
}

impl Netdev {
    pub fn new(roots: &Roots) -> Self {
        Self {
            roots: roots.clone(),
            interfaces: Interfaces::default(),
            seen: HashMap::new(),
            sums: BTreeMap::new(),
        }
    }

    /// Adds to the sum of a kind what an interface counted since it was last seen.
    fn add(&mut self, kind: &'static str, device: &str, index: &str, now: &Numbers) {
        let sum = self.sums.entry(kind).or_default();
        sum.interfaces += 1;
        // A name may be another interface's by now.
        let before = self.seen.get(device).filter(|(before, _)| *before == index).map(|(_, numbers)| numbers);
        for (number, now) in now.iter().enumerate() {
            let before = before.map_or(0, |before| before[number]);
            // What is less began anew.
            sum.numbers[number] += now.checked_sub(before).unwrap_or(*now);
        }
    }
}

impl Collector for Netdev {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lane(&self) -> &'static str {
        KERNEL_LANE
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let path = net(&self.roots).join("dev");
        let text = read(&path)?;
        let class = self.roots.sys.join("class/net");
        let tells_kinds = self.interfaces.look(&self.roots).is_ok();
        for sum in self.sums.values_mut() {
            sum.interfaces = 0;
        }
        let mut seen = HashMap::new();
        for line in text.lines().skip(2) {
            let (device, numbers) = parse(line).ok_or_else(|| unexpected(&path, line))?;
            let (kind, index, is_link) = match self.interfaces.0.get(device) {
                Some(interface) => (interface.kind, interface.index.clone(), interface.is_link),
                None => ("other", String::new(), !tells_kinds),
            };
            if is_link {
                tell(device, &numbers, &class.join(device), out);
            } else {
                self.add(kind, device, &index, &numbers);
            }
            // Also of links, lest one that is none any more adds all that it ever counted.
            seen.insert(device.to_owned(), (index, numbers));
        }
        self.seen = seen;
        for (kind, sum) in &self.sums {
            out.push(&NETWORK_KIND_INTERFACES, &[kind], sum.interfaces as f64);
            for (family, direction, number) in SUMMED {
                out.push(family, &[kind, direction], sum.numbers[number] as f64);
            }
        }
        Ok(())
    }
}

fn tell(device: &str, numbers: &Numbers, folder: &Path, out: &mut Builder) {
    for (family, number) in NUMBERS.iter().zip(numbers) {
        out.push(family, &[device], *number as f64);
    }
    let nohandler = attribute(&folder.join("statistics/rx_nohandler"));
    if let Some(packets) = nohandler.and_then(|text| text.parse::<u64>().ok()) {
        out.push(&RECEIVE_NOHANDLER, &[device], packets as f64);
    }
}

fn parse(line: &str) -> Option<(&str, Numbers)> {
    let (device, rest) = line.rsplit_once(':')?;
    let mut words = rest.split_ascii_whitespace();
    let mut numbers = Numbers::default();
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    Some((device.trim_start(), numbers))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// `net/dev` of interfaces that received so many bytes.
    fn dev(proc: &Path, devices: &[(&str, u64)]) {
        let line =
            |(name, bytes): &(&str, u64)| format!("{name:>6}: {bytes} 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n");
        fs::create_dir_all(proc.join("1/net")).unwrap();
        fs::write(
            proc.join("1/net/dev"),
            "head\nhead\n".to_owned() + &devices.iter().map(line).collect::<String>(),
        )
        .unwrap();
    }

    fn class(sys: &Path, name: &str, index: u32, devtype: &str) {
        let folder = sys.join("devices/virtual/net").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(sys.join("class/net")).unwrap();
        for (file, text) in
            [("type", "1"), ("ifindex", &index.to_string()), ("iflink", "1"), ("uevent", devtype)]
        {
            fs::write(folder.join(file), text).unwrap();
        }
        _ = symlink(&folder, sys.join("class/net").join(name));
    }

    fn received(collector: &mut Netdev) -> Vec<String> {
        let mut out = Builder::new();
        collector.collect(&mut out).unwrap();
        let snapshot = out.build();
        let wanted = |name: &str| name.ends_with("receive_bytes_total") || name.contains("kind_interfaces");
        let samples = snapshot.samples().filter(|sample| {
            wanted(sample.family.name)
                || (sample.family.name.contains("kind_bytes") && sample.labels.contains("receive"))
        });
        samples.map(|sample| format!("{} {}", sample.labels, sample.value)).collect()
    }

    #[test]
    fn sums_of_a_kind_never_fall_and_a_name_may_be_another_interfaces() {
        let host = tempfile::tempdir().unwrap();
        let (proc, sys) = (host.path().join("proc"), host.path().join("sys"));
        let mut collector = Netdev::new(&Roots { proc: proc.clone(), sys: sys.clone(), ..Roots::default() });
        class(&sys, "va", 7, "");
        class(&sys, "vb", 8, "");
        dev(&proc, &[("va", 100), ("vb", 50)]);
        let sums = |interfaces: u32, bytes: u32| {
            [format!(r#"kind="veth",direction="receive" {bytes}"#), format!(r#"kind="veth" {interfaces}"#)]
        };
        assert_eq!(received(&mut collector), sums(2, 150));
        dev(&proc, &[("va", 110)]);
        assert_eq!(received(&mut collector), sums(1, 160));
        class(&sys, "va", 9, "");
        dev(&proc, &[("va", 200)]);
        assert_eq!(received(&mut collector), sums(1, 360));
        dev(&proc, &[]);
        assert_eq!(received(&mut collector), sums(0, 360));
    }

    #[test]
    fn the_network_is_that_of_the_first_process_and_kinds_are_not_guessed() {
        let host = tempfile::tempdir().unwrap();
        let (proc, sys) = (host.path().join("proc"), host.path().join("sys"));
        fs::create_dir_all(proc.join("net")).unwrap();
        fs::write(proc.join("net/dev"), "of the reader").unwrap();
        dev(&proc, &[("eth0", 100)]);
        let mut collector = Netdev::new(&Roots { proc, sys, ..Roots::default() });
        // Nothing says that this is a container's.
        assert_eq!(received(&mut collector), [r#"device="eth0" 100"#]);
    }
}
