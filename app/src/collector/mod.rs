//! Reads the host: one file a group of metrics, each with a [`Collector`].
//!
//! A collector parses text and reads thinly around that, below roots that are given to it, so that a folder of fixtures
//! can stand in for the host. It is asked for all its samples at once, and again for each scrape.
//!
//! Those that read nothing that could block are functions, and share a thread ([`kernel`]); any other has a thread of
//! its own (`agent::runner`).

pub mod agent;
pub mod attribute;
pub mod conntrack;
pub mod cpu;
pub mod cpufreq;
pub mod diskstats;
pub mod dns;
pub mod filefd;
pub mod filesystem;
pub mod hwmon;
pub mod loadavg;
pub mod meminfo;
pub mod meminfo_numa;
pub mod netclass;
pub mod netdev;
pub mod netlink;
pub mod netstat;
pub mod nvme;
pub mod path;
pub mod peer;
pub mod power_supply;
pub mod pressure;
pub mod probe;
pub mod qdisc;
pub mod rapl;
pub mod routes;
pub mod sockstat;
pub mod softnet;
pub mod stat;
pub mod tcp;
pub mod thermal;
pub mod time;
pub mod timex;
pub mod udp_queues;
pub mod uname;
pub mod vmstat;
pub mod wifi;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::config::Roots;
use crate::metrics::snapshot::Builder;
use crate::metrics::{Family, families};

/// Samples of one source.
pub trait Collector: Send {
    /// That of its families.
    fn name(&self) -> &'static str;

    /// Those of one lane share a thread, so that a call that blocks holds up all of them.
    fn lane(&self) -> &'static str {
        self.name()
    }

    /// Pushes what there is. Samples that were pushed before an error are kept: they were read.
    fn collect(&mut self, out: &mut Builder) -> Result<(), Error>;
}

/// Why samples are missing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host has no such device or kernel file: no failure, and not worth a log line.
    #[error("nothing to read at {}", path.display())]
    Absent { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot make sense of {}: {what}", path.display())]
    Parse { path: PathBuf, what: String },
    /// The collector gave up by itself; calls that never end are none of its business.
    #[error("no answer from {what}")]
    Timeout { what: String },
    /// The host speaks a newer version than the collector does.
    #[error("{what} is not known to this version of odin")]
    UnsupportedNew { what: String },
    #[error("the driver refuses {what}")]
    Driver { what: String },
    /// The collector went on behind what failed.
    #[error("{sources} sources fail, the first of them")]
    Several {
        sources: usize,
        #[source]
        first: Box<Error>,
        /// Kinds besides the first one's, each once.
        more: Vec<Failure>,
    },
}

/// What kinds of failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    Driver,
    Io,
    Parse,
    Perm,
    Timeout,
    UnsupportedNew,
}

impl Failure {
    pub const ALL: [Self; 6] =
        [Self::Driver, Self::Io, Self::Parse, Self::Perm, Self::Timeout, Self::UnsupportedNew];

    /// As `odin_collector_errors_total` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Io => "io",
            Self::Parse => "parse",
            Self::Perm => "perm",
            Self::Timeout => "timeout",
            Self::UnsupportedNew => "unsupported_new",
        }
    }
}

impl Error {
    /// None: there is nothing to collect, which is no failure.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Absent { .. } => None,
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some(Failure::Perm)
            }
            Self::Read { .. } => Some(Failure::Io),
            Self::Parse { .. } => Some(Failure::Parse),
            Self::Timeout { .. } => Some(Failure::Timeout),
            Self::UnsupportedNew { .. } => Some(Failure::UnsupportedNew),
            Self::Driver { .. } => Some(Failure::Driver),
            Self::Several { first, .. } => first.failure(),
        }
    }

    /// Each kind once.
    pub fn failures(&self) -> impl Iterator<Item = Failure> {
        let more = match self {
            Self::Several { more, .. } => more.as_slice(),
            _ => &[],
        };
        self.failure().into_iter().chain(more.iter().copied())
    }

    /// Of a call on a path.
    pub fn at(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        let is_absent = Errno::from_io_error(&source).is_some_and(|errno| {
            // The last one: what the kernel has switched off.
            matches!(errno, Errno::NOENT | Errno::NODEV | Errno::NXIO | Errno::OPNOTSUPP)
        });
        if is_absent { Self::Absent { path } } else { Self::Read { path, source } }
    }
}

/// What most files of the kernel fit into. They have no size to ask for beforehand.
const FILE_BYTES: usize = 4096;

/// A file of the kernel, whole.
pub fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::with_capacity(FILE_BYTES);
    let file = File::open(path).map_err(|source| Error::at(path, source))?;
    file.take(u64::MAX).read_to_string(&mut text).map_err(|source| Error::at(path, source))?;
    Ok(text)
}

/// What a file of sysfs says, which comes in one piece, without the end of its line; none: it is not there, or cannot be
/// read now.
pub fn attribute(path: &Path) -> Option<String> {
    let mut bytes = [0; FILE_BYTES];
    let length = File::open(path).and_then(|mut file| file.read(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes[..length]).trim_end().into())
}

/// Names in a folder of the kernel, in order. One without any has nothing to read.
pub fn list(path: &Path) -> Result<Vec<String>, Error> {
    let mut names = vec![];
    for entry in fs::read_dir(path).map_err(|source| Error::at(path, source))? {
        let entry = entry.map_err(|source| Error::at(path, source))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    if names.is_empty() { Err(Error::Absent { path: path.into() }) } else { Ok(names) }
}

/// The error of a file that says something else than its kind does.
pub fn unexpected(path: &Path, what: &str) -> Error {
    Error::Parse { path: path.into(), what: what.into() }
}

/// The folder of the host's network in procfs: that of the first process, which in a container with the host's procfs is
/// not the network of who reads. Where processes of others are hidden there is no telling, and it is the reader's.
pub fn net(roots: &Roots) -> PathBuf {
    let host = roots.proc.join("1/net");
    if host.is_dir() { host } else { roots.proc.join("net") }
}

/// Reads files of the kernel that never block.
type Read = fn(&Roots, &mut Builder) -> Result<(), Error>;

struct Kernel {
    name: &'static str,
    roots: Roots,
    read: Read,
}

/// A collector without a thread of its own.
pub fn kernel(name: &'static str, roots: &Roots, read: Read) -> Box<dyn Collector> {
    Box::new(Kernel { name, roots: roots.clone(), read })
}

/// The lane of collectors that never block.
pub const KERNEL_LANE: &str = "kernel";

impl Collector for Kernel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn lane(&self) -> &'static str {
        KERNEL_LANE
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        (self.read)(&self.roots, out)
    }
}

/// A collector that can be had.
pub struct Entry {
    pub name: &'static str,
    /// Runs unless the user says no.
    pub is_default: bool,
    pub make: fn(&Roots) -> Box<dyn Collector>,
}

impl Entry {
    const fn default(name: &'static str, make: fn(&Roots) -> Box<dyn Collector>) -> Self {
        Self { name, is_default: true, make }
    }

    const fn opt_in(name: &'static str, make: fn(&Roots) -> Box<dyn Collector>) -> Self {
        Self { name, is_default: false, make }
    }
}

pub static ALL: &[Entry] = &[
    Entry::default(agent::NAME, |roots| Box::new(agent::Agent::new(roots))),
    Entry::default(conntrack::NAME, |roots| kernel(conntrack::NAME, roots, conntrack::collect)),
    Entry::default(cpu::NAME, |roots| Box::new(cpu::Cpu::new(roots))),
    Entry::default(cpufreq::NAME, |roots| Box::new(cpufreq::Cpufreq::new(roots))),
    Entry::default(diskstats::NAME, |roots| kernel(diskstats::NAME, roots, diskstats::collect)),
    Entry::default(filefd::NAME, |roots| kernel(filefd::NAME, roots, filefd::collect)),
    Entry::default(filesystem::NAME, |roots| Box::new(filesystem::Filesystem::new(roots))),
    Entry::default(hwmon::NAME, |roots| Box::new(hwmon::Hwmon::new(roots))),
    Entry::default(loadavg::NAME, |roots| kernel(loadavg::NAME, roots, loadavg::collect)),
    Entry::default(meminfo::NAME, |roots| kernel(meminfo::NAME, roots, meminfo::collect)),
    Entry::opt_in(meminfo_numa::NAME, |roots| kernel(meminfo_numa::NAME, roots, meminfo_numa::collect)),
    Entry::default(netclass::NAME, |roots| Box::new(netclass::Netclass::new(roots))),
    Entry::default(netdev::NAME, |roots| Box::new(netdev::Netdev::new(roots))),
    Entry::default(netstat::NAME, |roots| kernel(netstat::NAME, roots, netstat::collect)),
    Entry::default(nvme::NAME, |roots| kernel(nvme::NAME, roots, nvme::collect)),
    Entry::default(power_supply::NAME, |roots| Box::new(power_supply::PowerSupply::new(roots))),
    Entry::default(pressure::NAME, |roots| kernel(pressure::NAME, roots, pressure::collect)),
    Entry::default(rapl::NAME, |roots| Box::new(rapl::Rapl::new(roots))),
    Entry::opt_in(qdisc::NAME, |roots| kernel(qdisc::NAME, roots, qdisc::collect)),
    Entry::default(sockstat::NAME, |roots| kernel(sockstat::NAME, roots, sockstat::collect)),
    Entry::default(softnet::NAME, |roots| kernel(softnet::NAME, roots, softnet::collect)),
    Entry::default(stat::NAME, |roots| kernel(stat::NAME, roots, stat::collect)),
    Entry::default(thermal::NAME, |roots| Box::new(thermal::Thermal::new(roots))),
    Entry::default(time::NAME, |roots| kernel(time::NAME, roots, time::collect)),
    Entry::default(timex::NAME, |roots| kernel(timex::NAME, roots, timex::collect)),
    Entry::default(udp_queues::NAME, |roots| kernel(udp_queues::NAME, roots, udp_queues::collect)),
    Entry::default(uname::NAME, |roots| kernel(uname::NAME, roots, uname::collect)),
    Entry::default(vmstat::NAME, |roots| kernel(vmstat::NAME, roots, vmstat::collect)),
    Entry::default(wifi::NAME, |roots| kernel(wifi::NAME, roots, wifi::collect)),
];

/// The user's choice names what there is not.
#[derive(Debug, thiserror::Error)]
#[error("no collector {name:?}; there are: {known}")]
pub struct Unknown {
    pub name: String,
    pub known: String,
}

/// Leaves out what `node_exporter` tells as well.
struct WithoutNode(Box<dyn Collector>);

impl Collector for WithoutNode {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn lane(&self) -> &'static str {
        self.0.lane()
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let result = self.0.collect(out);
        out.retain(|family| !is_node(family));
        result
    }
}

fn is_node(family: &Family) -> bool {
    family.name.starts_with("node_")
}

/// Those that run, where the user chose some by name. A name may also be that of families which no entry of
/// [`ALL`] collects: the agent heeds the choice there. Where `node_exporter` runs, too, its families need not be told;
/// what has no others is not read then.
pub fn chosen(
    roots: &Roots,
    choice: &BTreeMap<String, bool>,
    tells_node: bool,
) -> Result<Vec<Box<dyn Collector>>, Unknown> {
    let known = families::collectors();
    if let Some(name) = choice.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Unknown { name: name.clone(), known: known.join(", ") });
    }
    let is_chosen = |entry: &&Entry| choice.get(entry.name).copied().unwrap_or(entry.is_default);
    let chosen = ALL.iter().filter(is_chosen);
    if tells_node {
        return Ok(chosen.map(|entry| (entry.make)(roots)).collect());
    }
    let has_own =
        |entry: &&Entry| families::all().any(|family| family.collector == entry.name && !is_node(family));
    let without_node = |entry: &Entry| Box::new(WithoutNode((entry.make)(roots))) as Box<dyn Collector>;
    Ok(chosen.filter(has_own).map(without_node).collect())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_is_not_there_is_no_failure_and_what_is_closed_is_one_of_its_own() {
        let path = Path::new("/sys/class/thermal");
        for (errno, expected) in [
            (Errno::NOENT, None),
            (Errno::OPNOTSUPP, None),
            (Errno::NODEV, None),
            (Errno::ACCESS, Some(Failure::Perm)),
            (Errno::PERM, Some(Failure::Perm)),
            (Errno::IO, Some(Failure::Io)),
        ] {
            assert_eq!(Error::at(path, io::Error::from(errno)).failure(), expected, "{errno}");
        }
    }

    #[test]
    fn a_name_that_no_family_has_is_told_with_those_there_are() {
        let names = |choice: &[(&str, bool)]| {
            let choice = choice.iter().map(|(name, on)| ((*name).to_owned(), *on)).collect();
            chosen(&Roots::default(), &choice, true)
                .map(|chosen| chosen.iter().map(|c| c.name()).collect::<Vec<_>>())
        };
        let all: Vec<_> = ALL.iter().filter(|entry| entry.is_default).map(|entry| entry.name).collect();
        assert_eq!(names(&[]).unwrap(), all);
        assert_eq!(names(&[("agent", false), ("claude", true)]).unwrap(), all[1..]);
        let unknown = names(&[("agnet", true)]).unwrap_err().to_string();
        assert!(unknown.starts_with(r#"no collector "agnet"; there are: agent, claude, "#), "{unknown}");
    }

    #[test]
    fn beside_node_exporter_only_what_is_odins_own_is_read_and_told() {
        let mut own = chosen(&Roots::default(), &BTreeMap::new(), false).unwrap();
        let names: Vec<_> = own.iter().map(|collector| collector.name()).collect();
        assert!(
            names.contains(&"netstat") && names.contains(&"agent") && !names.contains(&"loadavg"),
            "{names:?}"
        );
        let mut out = Builder::new();
        for collector in &mut own {
            // A host may lack any of their sources.
            _ = collector.collect(&mut out);
        }
        let snapshot = out.build();
        assert!(snapshot.samples().count() > 0);
        assert!(!snapshot.samples().any(|sample| is_node(sample.family)));
    }

    #[test]
    fn every_collector_has_families() {
        let known = families::collectors();
        for entry in ALL {
            let made = (entry.make)(&Roots::default());
            assert!(known.contains(&entry.name) && made.name() == entry.name, "{}", entry.name);
        }
    }
}
