//! Energy that processors count themselves, and the limits they keep to: RAPL, as `/sys/class/powercap` has it
//! (`Documentation/power/powercap/powercap.rst`).
//!
//! The counters are of 32 bits and wrap, a package's under load within minutes. What they went on by is added up here,
//! so `odin_power_energy_joules_total` starts at 0 with the agent and never falls. `node_rapl_*` is what the counter
//! says. Time is taken from `/proc/uptime`, which goes on while the machine sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attribute::{self, Failures};
use super::{Collector, Error, read};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::rapl::{
    ENERGY_GAPS, ENERGY_JOULES, LIMIT_WATTS, LIMIT_WINDOW_SECONDS, RAW_CORE_JOULES, RAW_DRAM_JOULES,
    RAW_PACKAGE_JOULES, RAW_PSYS_JOULES, RAW_UNCORE_JOULES,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "rapl";

/// More than any zone takes whose counter wraps within hours: what tells a wrap from a counter that began anew, and a
/// pause in which it may have wrapped unseen from one in which it cannot.
pub const MOST_WATTS: u64 = 1000;

/// By how much the time of a reading may be off, on a machine that is busy.
const SLACK: Duration = Duration::from_secs(1);

/// Two, and three where there is a limit of peaks; the loop ends with the first that is missing.
const MOST_CONSTRAINTS: usize = 16;

pub struct Rapl {
    proc: PathBuf,
    powercap: PathBuf,
    /// By the folder of the zone.
    meters: BTreeMap<String, Meter>,
}

impl Rapl {
    pub fn new(roots: &Roots) -> Self {
        Self { proc: roots.proc.clone(), powercap: roots.sys.join("class/powercap"), meters: BTreeMap::new() }
    }
}

impl Collector for Rapl {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let zones: Vec<Zone> =
            attribute::names(&self.powercap)?.iter().filter_map(|folder| Zone::of(folder)).collect();
        if zones.is_empty() {
            return Err(Error::Absent { path: self.powercap.clone() });
        }
        let mut failures = Failures::default();
        let uptime = failures.note(uptime(&self.proc).map(Some));
        self.tell_energy(&zones, uptime, out, &mut failures);
        self.tell_limits(&zones, out, &mut failures);
        failures.end()
    }
}

impl Rapl {
    fn tell_energy(
        &mut self,
        zones: &[Zone],
        uptime: Option<Duration>,
        out: &mut Builder,
        failures: &mut Failures,
    ) {
        let mut names = Names::default();
        let mut gaps: BTreeMap<&str, u64> = BTreeMap::new();
        for zone in zones {
            let folder = self.powercap.join(&zone.folder);
            let Some(name) = failures.note(attribute::text(&folder.join("name"))) else { continue };
            let (base, index) = names.add(&name);
            let Some(energy_uj) = failures.note(attribute::number(&folder.join("energy_uj"))) else {
                continue;
            };
            if let Some(family) = raw_family(base) {
                let path = format!("/sys/class/powercap/{}", zone.folder);
                out.push(family, &[&index.to_string(), &path], joules(energy_uj));
            }
            let (Some(domain), Some(uptime)) = (domain(&name), uptime) else { continue };
            let Some(range_uj) = failures.note(range(&folder)) else { continue };
            let meter = self.meters.entry(zone.folder.clone()).or_default();
            meter.add(Reading { energy_uj, uptime }, range_uj);
            out.push(&ENERGY_JOULES, &[domain, &zone.index, zone.source], joules(meter.total_uj));
            *gaps.entry(&zone.index).or_default() += meter.gaps;
        }
        for (zone, gaps) in gaps {
            out.push(&ENERGY_GAPS, &[zone], gaps as f64);
        }
    }

    /// A zone that is there twice has one set of limits here, that of its own registers.
    fn tell_limits(&self, zones: &[Zone], out: &mut Builder, failures: &mut Failures) {
        let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
        let (own, others): (Vec<&Zone>, Vec<&Zone>) = zones.iter().partition(|zone| zone.source == "rapl");
        for zone in own.into_iter().chain(others) {
            let folder = self.powercap.join(&zone.folder);
            // Limits that are switched off limit nothing, and often read 0.
            if failures.note(attribute::number::<u8>(&folder.join("enabled"))) == Some(0) {
                continue;
            }
            for n in 0..MOST_CONSTRAINTS {
                let file = |what: &str| folder.join(format!("constraint_{n}_{what}"));
                let Some(name) = failures.note(attribute::text(&file("name"))) else { break };
                let constraint = constraint(&name);
                if !told.insert((&zone.index, constraint)) {
                    continue;
                }
                let labels = [zone.index.as_str(), constraint];
                for (family, what) in
                    [(&LIMIT_WATTS, "power_limit_uw"), (&LIMIT_WINDOW_SECONDS, "time_window_us")]
                {
                    if let Some(millionths) = failures.note(attribute::number::<u64>(&file(what))) {
                        out.push(family, &labels, millionths as f64 / 1e6);
                    }
                }
            }
        }
    }
}

fn joules(uj: u64) -> f64 {
    uj as f64 / 1e6
}

fn uptime(proc: &Path) -> Result<Duration, Error> {
    let path = proc.join("uptime");
    let text = read(&path)?;
    let seconds = text.split_ascii_whitespace().next().and_then(|first| first.parse().ok());
    let uptime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    uptime.ok_or_else(|| Error::Parse { path, what: format!("unexpected {text:?}") })
}

/// Where the counter begins anew. Without that a wrap cannot be told from anything else.
fn range(folder: &Path) -> Result<Option<u64>, Error> {
    let path = folder.join("max_energy_range_uj");
    match attribute::number(&path)? {
        None | Some(0) => Err(Error::Parse { path, what: "the range of the counter is missing".into() }),
        range => Ok(range),
    }
}

/// A folder of a zone.
#[derive(Debug, PartialEq, Eq)]
struct Zone {
    folder: String,
    /// As in `odin_power_energy_joules_total`.
    source: &'static str,
    /// From the top, like `0:1`.
    index: String,
}

impl Zone {
    /// None: a folder of something else, such as the type of control, or another kind of power capping.
    fn of(folder: &str) -> Option<Self> {
        let (control, index) = folder.split_once(':')?;
        let source = match control {
            "intel-rapl" => "rapl",
            "intel-rapl-mmio" => "rapl_mmio",
            _ => return None,
        };
        Some(Self { folder: folder.into(), source, index: index.into() })
    }
}

fn domain(name: &str) -> Option<&'static str> {
    match name {
        "core" => Some("core"),
        "uncore" => Some("uncore"),
        "dram" => Some("dram"),
        "psys" => Some("psys"),
        // Also of a die, as in `package-0-die-1`.
        name => name.starts_with("package-").then_some("package"),
    }
}

fn raw_family(name: &str) -> Option<&'static Family> {
    match name {
        "package" => Some(&RAW_PACKAGE_JOULES),
        "core" => Some(&RAW_CORE_JOULES),
        "uncore" => Some(&RAW_UNCORE_JOULES),
        "dram" => Some(&RAW_DRAM_JOULES),
        "psys" => Some(&RAW_PSYS_JOULES),
        _ => None,
    }
}

fn constraint(name: &str) -> &'static str {
    match name {
        "long_term" => "long_term",
        "short_term" => "short_term",
        "peak_power" => "peak_power",
        _ => "other",
    }
}

/// Numbers zones of equal names as `node_exporter` does.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, u64>);

impl Names {
    /// The name and the number: the one that ends it, else how many had the name before.
    fn add<'n>(&mut self, name: &'n str) -> (&'n str, u64) {
        let own = name.split_once('-').and_then(|(base, number)| Some((base, number.parse::<u64>().ok()?)));
        let (base, index) = own.unwrap_or_else(|| (name, self.0.get(name).copied().unwrap_or(0)));
        self.0.insert(base.into(), index + 1);
        (base, index)
    }
}

/// What a counter said.
#[derive(Debug, Clone, Copy)]
struct Reading {
    energy_uj: u64,
    uptime: Duration,
}

/// Adds up what a counter went on by.
#[derive(Debug, Default)]
struct Meter {
    last: Option<Reading>,
    total_uj: u64,
    /// Steps that could not be told.
    gaps: u64,
}

impl Meter {
    fn add(&mut self, now: Reading, range_uj: u64) {
        let Some(last) = self.last.replace(now) else { return };
        match step_uj(last, now, range_uj) {
            Some(step_uj) => self.total_uj += step_uj,
            None => self.gaps += 1,
        }
    }
}

/// From one reading to the next. None: the counter may have gone round since, or has begun anew.
fn step_uj(last: Reading, now: Reading, range_uj: u64) -> Option<u64> {
    let elapsed = now.uptime.checked_sub(last.uptime)? + SLACK;
    let most_uj = elapsed.as_micros() * u128::from(MOST_WATTS);
    let step_uj = match now.energy_uj.checked_sub(last.energy_uj) {
        Some(step_uj) => step_uj,
        None => (now.energy_uj + range_uj).checked_sub(last.energy_uj)?,
    };
    let is_told = most_uj < u128::from(range_uj) && u128::from(step_uj) <= most_uj;
    is_told.then_some(step_uj)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::collector::Failure;
    use crate::collector::attribute::tests::{lines, write};

    /// Of the counters of most packages.
    const RANGE_UJ: u64 = 262_143_328_850;

    /// A host with one package and its cores.
    fn host() -> (TempDir, Rapl) {
        let host = tempfile::tempdir().unwrap();
        write(
            host.path(),
            &[
                ("proc/uptime", "100.00 50.00\n"),
                ("sys/class/powercap/intel-rapl/enabled", "1\n"),
                ("sys/class/powercap/dtpm:0/name", "other\n"),
                ("sys/class/powercap/intel-rapl:0/name", "package-0\n"),
                ("sys/class/powercap/intel-rapl:0/energy_uj", "5000000\n"),
                ("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n"),
                ("sys/class/powercap/intel-rapl:0:0/name", "core\n"),
                ("sys/class/powercap/intel-rapl:0:0/energy_uj", "1500000\n"),
                ("sys/class/powercap/intel-rapl:0:0/max_energy_range_uj", "262143328850\n"),
            ],
        );
        let roots =
            Roots { proc: host.path().join("proc"), sys: host.path().join("sys"), ..Roots::default() };
        let rapl = Rapl::new(&roots);
        (host, rapl)
    }

    fn collect(rapl: &mut Rapl) -> (Vec<String>, Result<(), Error>) {
        let mut out = Builder::new();
        let ended = rapl.collect(&mut out);
        (lines(out), ended)
    }

    fn reading(energy_uj: u64, seconds: u64) -> Reading {
        Reading { energy_uj, uptime: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_counter_that_wraps_goes_on() {
        let (host, mut rapl) = host();
        let at = |uptime: &str, package: u64, core: u64| {
            write(
                host.path(),
                &[
                    ("proc/uptime", uptime),
                    ("sys/class/powercap/intel-rapl:0/energy_uj", &package.to_string()),
                    ("sys/class/powercap/intel-rapl:0:0/energy_uj", &core.to_string()),
                ],
            );
        };
        at("100.00 1.00", RANGE_UJ - 1_000_000, 1_500_000);
        let (first, ended) = collect(&mut rapl);
        ended.unwrap();
        assert_eq!(
            first,
            [
                r#"node_rapl_core_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0:0"} 1.5"#,
                r#"node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 262142.32885"#,
                r#"odin_power_energy_gaps_total{zone="0"} 0"#,
                r#"odin_power_energy_gaps_total{zone="0:0"} 0"#,
                r#"odin_power_energy_joules_total{domain="core",zone="0:0",source="rapl"} 0"#,
                r#"odin_power_energy_joules_total{domain="package",zone="0",source="rapl"} 0"#,
            ]
        );
        at("115.00 1.00", 249_000_000, 2_000_000);
        let (second, ended) = collect(&mut rapl);
        ended.unwrap();
        assert_eq!(second[2..4], first[2..4]);
        assert_eq!(
            second[4..],
            [
                r#"odin_power_energy_joules_total{domain="core",zone="0:0",source="rapl"} 0.5"#,
                r#"odin_power_energy_joules_total{domain="package",zone="0",source="rapl"} 250"#,
            ]
        );
    }

    #[test]
    fn what_cannot_be_told_from_a_wrap_is_a_gap() {
        for (last, now, expected) in [
            (reading(10, 100), reading(70_000_010, 101), Some(70_000_000)),
            // It may have gone round in 262 seconds.
            (reading(10, 100), reading(70_000_010, 365), None),
            // It began anew, as after a sleep.
            (reading(100_000_000_000, 100), reading(10, 110), None),
            (reading(10, 100), reading(200_000_000_000, 110), None),
            // Time went backwards, as on a restored machine.
            (reading(10, 100), reading(20, 99), None),
            (reading(RANGE_UJ - 10, 100), reading(10, 100), Some(20)),
        ] {
            assert_eq!(step_uj(last, now, RANGE_UJ), expected, "{last:?} {now:?}");
        }
        let mut meter = Meter::default();
        for reading in [reading(10, 100), reading(20, 500), reading(50, 510)] {
            meter.add(reading, RANGE_UJ);
        }
        assert_eq!((meter.total_uj, meter.gaps), (30, 1));
    }

    #[test]
    fn without_a_range_the_raw_counter_is_all_there_is() {
        let (host, mut rapl) = host();
        fs::remove_file(host.path().join("sys/class/powercap/intel-rapl:0:0/max_energy_range_uj")).unwrap();
        let (lines, ended) = collect(&mut rapl);
        assert_eq!(ended.unwrap_err().failure(), Some(Failure::Parse));
        assert!(lines[0].starts_with("node_rapl_core_joules_total"), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains(r#"domain="core""#)), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains(r#"domain="package""#)), "{lines:?}");
    }

    #[test]
    fn an_unreadable_counter_leaves_the_others() {
        let (host, mut rapl) = host();
        let energy = host.path().join("sys/class/powercap/intel-rapl:0/energy_uj");
        fs::remove_file(&energy).unwrap();
        fs::create_dir(&energy).unwrap();
        let (lines, ended) = collect(&mut rapl);
        assert_eq!(ended.unwrap_err().failure(), Some(Failure::Io));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("node_rapl_core_joules_total"), "{lines:?}");
    }

    #[test]
    fn zones_of_equal_names_are_numbered_and_those_of_memory_mapped_registers_kept_apart() {
        let (host, mut rapl) = host();
        let mut files = vec![];
        for (folder, name) in [
            ("intel-rapl:1", "package-1"),
            ("intel-rapl:1:0", "core"),
            ("intel-rapl:1:1", "dram"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl:3", "package-0-die-1"),
            ("intel-rapl-mmio:0", "package-0"),
        ] {
            for (file, text) in
                [("name", name), ("energy_uj", "1000000"), ("max_energy_range_uj", "262143328850")]
            {
                files.push((format!("sys/class/powercap/{folder}/{file}"), text));
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        write(host.path(), &files);
        let (lines, ended) = collect(&mut rapl);
        ended.unwrap();
        let labels = |start: &str| -> Vec<String> {
            let of = lines.iter().filter_map(|line| line.strip_prefix(start));
            of.map(|rest| rest.replace("/sys/class/powercap/intel-", "")).collect()
        };
        assert_eq!(
            labels("node_rapl_"),
            [
                r#"core_joules_total{index="0",path="rapl:0:0"} 1.5"#,
                r#"core_joules_total{index="1",path="rapl:1:0"} 1"#,
                r#"dram_joules_total{index="0",path="rapl:1:1"} 1"#,
                r#"package_joules_total{index="0",path="rapl-mmio:0"} 1"#,
                r#"package_joules_total{index="0",path="rapl:0"} 5"#,
                r#"package_joules_total{index="1",path="rapl:1"} 1"#,
                r#"psys_joules_total{index="0",path="rapl:2"} 1"#,
            ]
        );
        assert_eq!(
            labels("odin_power_energy_joules_total"),
            [
                r#"{domain="core",zone="0:0",source="rapl"} 0"#,
                r#"{domain="core",zone="1:0",source="rapl"} 0"#,
                r#"{domain="dram",zone="1:1",source="rapl"} 0"#,
                r#"{domain="package",zone="0",source="rapl"} 0"#,
                r#"{domain="package",zone="0",source="rapl_mmio"} 0"#,
                r#"{domain="package",zone="1",source="rapl"} 0"#,
                r#"{domain="package",zone="3",source="rapl"} 0"#,
                r#"{domain="psys",zone="2",source="rapl"} 0"#,
            ]
        );
    }

    #[test]
    fn limits_are_those_in_force() {
        let (host, mut rapl) = host();
        let limits = |folder: &str, enabled: &str, watts: &str| {
            let file = |file: &str| format!("sys/class/powercap/{folder}/{file}");
            for (path, text) in [
                ("enabled", enabled),
                ("constraint_0_name", "long_term"),
                ("constraint_0_power_limit_uw", watts),
                ("constraint_0_time_window_us", "27983872"),
                ("constraint_1_name", "peak_power"),
                ("constraint_1_power_limit_uw", "121000000"),
            ] {
                write(host.path(), &[(&file(path), text)]);
            }
        };
        limits("intel-rapl:0", "1", "45000000");
        limits("intel-rapl:0:0", "0", "0");
        // Of the same package; its own registers count.
        limits("intel-rapl-mmio:0", "1", "30000000");
        write(host.path(), &[("sys/class/powercap/intel-rapl-mmio:0/name", "package-0")]);
        let (lines, ended) = collect(&mut rapl);
        ended.unwrap();
        let limits: Vec<&String> = lines.iter().filter(|line| line.starts_with("odin_power_limit")).collect();
        assert_eq!(
            limits,
            [
                r#"odin_power_limit_watts{zone="0",constraint="long_term"} 45"#,
                r#"odin_power_limit_watts{zone="0",constraint="peak_power"} 121"#,
                r#"odin_power_limit_window_seconds{zone="0",constraint="long_term"} 27.983872"#,
            ]
        );
    }

    #[test]
    fn a_host_without_it_lacks_nothing() {
        let host = tempfile::tempdir().unwrap();
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let (lines, ended) = collect(&mut Rapl::new(&roots));
        assert_eq!((lines, ended.unwrap_err().failure()), (vec![], None));
        write(host.path(), &[("class/powercap/dtpm/enabled", "1")]);
        assert_eq!(collect(&mut Rapl::new(&roots)).1.unwrap_err().failure(), None);
    }

    proptest! {
        #[test]
        fn a_counter_that_is_read_often_enough_adds_up_whenever_it_wraps(
            start in 0..=RANGE_UJ,
            steps in prop::collection::vec((0_u64..200, 0_u64..=1000), 1..40),
        ) {
            let (mut truth, mut now) = (start, reading(start, 0));
            let mut meter = Meter::default();
            meter.add(now, RANGE_UJ);
            for (seconds, watts) in steps {
                truth += seconds * watts * 1_000_000;
                now = Reading { energy_uj: truth % RANGE_UJ, uptime: now.uptime + Duration::from_secs(seconds) };
                meter.add(now, RANGE_UJ);
            }
            prop_assert_eq!((meter.total_uj, meter.gaps), (truth - start, 0));
        }
    }
}
