//! How fast each CPU may run and how often heat slowed it down, from `/sys/devices/system/cpu`
//! (`Documentation/admin-guide/pm/cpufreq.rst`, `Documentation/ABI/testing/sysfs-devices-system-cpu`).
//!
//! `cpuinfo_cur_freq` is left out: it is root's, asks the hardware, and `node_exporter` has it under the name of another
//! family.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::attribute::{self, Failures};
use super::{Collector, Error};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::cpufreq::{
    CORE_THROTTLES, FREQUENCY_MAX_HERTZ, FREQUENCY_MIN_HERTZ, PACKAGE_THROTTLES, SCALING_FREQUENCY_HERTZ,
    SCALING_FREQUENCY_MAX_HERTZ, SCALING_FREQUENCY_MIN_HERTZ, SCALING_GOVERNOR,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "cpufreq";

/// On larger machines there are no series of single CPUs, which would take most of a page.
const MOST_CPUS: usize = 64;

/// Files of `cpufreq`, in kHz.
const FREQUENCIES: [(&str, &Family); 5] = [
    ("cpuinfo_min_freq", &FREQUENCY_MIN_HERTZ),
    ("cpuinfo_max_freq", &FREQUENCY_MAX_HERTZ),
    ("scaling_cur_freq", &SCALING_FREQUENCY_HERTZ),
    ("scaling_min_freq", &SCALING_FREQUENCY_MIN_HERTZ),
    ("scaling_max_freq", &SCALING_FREQUENCY_MAX_HERTZ),
];

pub struct Cpufreq {
    cpus: PathBuf,
}

impl Cpufreq {
    pub fn new(roots: &Roots) -> Self {
        Self { cpus: roots.sys.join("devices/system/cpu") }
    }
}

impl Collector for Cpufreq {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let names = attribute::names(&self.cpus)?;
        let cpus: Vec<(u32, PathBuf)> = names
            .iter()
            .filter_map(|name| Some((name.strip_prefix("cpu")?.parse().ok()?, self.cpus.join(name))))
            .collect();
        let mut failures = Failures::default();
        let is_small = cpus.len() <= MOST_CPUS;
        let mut throttles = Throttles::default();
        let mut has_any = false;
        for (cpu, folder) in &cpus {
            if is_small {
                has_any |= tell_frequency(*cpu, &folder.join("cpufreq"), out, &mut failures);
            }
            throttles.add(folder, &mut failures);
        }
        has_any |= throttles.tell(is_small, out);
        if !is_small {
            out.leave_out(&SCALING_FREQUENCY_HERTZ, cpus.len() as u64);
        }
        failures.end()?;
        if has_any { Ok(()) } else { Err(Error::Absent { path: self.cpus.clone() }) }
    }
}

/// False: this CPU has nothing of the kind.
fn tell_frequency(cpu: u32, folder: &Path, out: &mut Builder, failures: &mut Failures) -> bool {
    let cpu = cpu.to_string();
    let mut has_any = false;
    for (file, family) in FREQUENCIES {
        if let Some(khz) = failures.note(frequency(&folder.join(file))) {
            out.push(family, &[&cpu], khz as f64 * 1000.0);
            has_any = true;
        }
    }
    let mut text = |file: &str| failures.note(attribute::text(&folder.join(file))).unwrap_or_default();
    let (now, all) = (text("scaling_governor"), text("scaling_available_governors"));
    if !now.is_empty() {
        for governor in all.split_ascii_whitespace() {
            out.push(&SCALING_GOVERNOR, &[&cpu, governor], f64::from(u8::from(governor == now)));
        }
    }
    has_any
}

fn frequency(path: &Path) -> Result<Option<u64>, Error> {
    // What drivers say that do not know it.
    let known = attribute::text(path)?.filter(|text| text != "<unknown>");
    known.map(|text| attribute::parse(path, &text)).transpose()
}

/// Events by package, and by core of a package; of the CPUs that share them the first tells.
#[derive(Debug, Default)]
struct Throttles {
    packages: BTreeMap<u64, u64>,
    cores: BTreeMap<(u64, u64), u64>,
}

impl Throttles {
    fn add(&mut self, cpu: &Path, failures: &mut Failures) {
        let mut id = |file: &str| failures.note(attribute::number::<i64>(&cpu.join("topology").join(file)));
        // Both are -1 where they are not known.
        let (Some(package), Some(core)) = (id("physical_package_id"), id("core_id")) else { return };
        let (Ok(package), Ok(core)) = (u64::try_from(package), u64::try_from(core)) else { return };
        let mut count =
            |file: &str| failures.note(attribute::number(&cpu.join("thermal_throttle").join(file)));
        if let Entry::Vacant(own) = self.cores.entry((package, core)) {
            count("core_throttle_count").map(|count| own.insert(count));
        }
        if let Entry::Vacant(own) = self.packages.entry(package) {
            count("package_throttle_count").map(|count| own.insert(count));
        }
    }

    /// False: there are none.
    fn tell(&self, is_small: bool, out: &mut Builder) -> bool {
        for (package, count) in &self.packages {
            out.push(&PACKAGE_THROTTLES, &[&package.to_string()], *count as f64);
        }
        for ((package, core), count) in &self.cores {
            if is_small {
                out.push(&CORE_THROTTLES, &[&core.to_string(), &package.to_string()], *count as f64);
            } else {
                out.leave_out(&CORE_THROTTLES, 1);
            }
        }
        !(self.packages.is_empty() && self.cores.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::attribute::tests::{lines, write};

    fn host(cpus: u32) -> (tempfile::TempDir, Cpufreq) {
        let host = tempfile::tempdir().unwrap();
        for cpu in 0..cpus {
            let file = |name: &str| format!("devices/system/cpu/cpu{cpu}/{name}");
            let core = (cpu / 2).to_string();
            for (name, text) in [
                ("topology/physical_package_id", "0"),
                ("topology/core_id", core.as_str()),
                ("thermal_throttle/core_throttle_count", core.as_str()),
                ("thermal_throttle/package_throttle_count", "7"),
                ("cpufreq/cpuinfo_max_freq", "4700000"),
                ("cpufreq/scaling_cur_freq", if cpu == 0 { "799975" } else { "<unknown>" }),
                ("cpufreq/scaling_governor", "powersave"),
                ("cpufreq/scaling_available_governors", "performance powersave"),
            ] {
                write(host.path(), &[(&file(name), text)]);
            }
        }
        write(host.path(), &[("devices/system/cpu/cpuidle/current_driver", "none")]);
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let cpufreq = Cpufreq::new(&roots);
        (host, cpufreq)
    }

    #[test]
    fn a_frequency_that_is_not_known_is_absent() {
        let (_host, mut cpufreq) = host(2);
        let mut out = Builder::new();
        cpufreq.collect(&mut out).unwrap();
        assert_eq!(
            lines(out),
            [
                r#"node_cpu_core_throttles_total{core="0",package="0"} 0"#,
                r#"node_cpu_frequency_max_hertz{cpu="0"} 4700000000"#,
                r#"node_cpu_frequency_max_hertz{cpu="1"} 4700000000"#,
                r#"node_cpu_package_throttles_total{package="0"} 7"#,
                r#"node_cpu_scaling_frequency_hertz{cpu="0"} 799975000"#,
                r#"node_cpu_scaling_governor{cpu="0",governor="performance"} 0"#,
                r#"node_cpu_scaling_governor{cpu="0",governor="powersave"} 1"#,
                r#"node_cpu_scaling_governor{cpu="1",governor="performance"} 0"#,
                r#"node_cpu_scaling_governor{cpu="1",governor="powersave"} 1"#,
            ]
        );
    }

    #[test]
    fn a_large_machine_is_told_by_package() {
        let (_host, mut cpufreq) = host(66);
        let mut out = Builder::new();
        cpufreq.collect(&mut out).unwrap();
        let snapshot = out.build();
        assert_eq!(snapshot.left_out, BTreeMap::from([(NAME, 66 + 33)]));
        assert_eq!(snapshot.samples().count(), 1);
    }

    #[test]
    fn a_machine_that_tells_nothing_of_it_lacks_nothing() {
        let host = tempfile::tempdir().unwrap();
        write(host.path(), &[("devices/system/cpu/cpu0/topology/core_id", "0")]);
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let error = Cpufreq::new(&roots).collect(&mut Builder::new()).unwrap_err();
        assert_eq!(error.failure(), None);
    }
}
