//! ODIN on the tree that `node_exporter` tests itself on (`node_exporter-fixtures.tar.gz` of the shared folder, 1.12):
//! what a collector of ODIN tells of it is what `node_exporter` tells, sample by sample.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use odin::metrics::families;

use crate::corpora::shared;
use crate::harness::{Home, skip, tell};

/// Which collector of ODIN has what `node_exporter` names so; of two beginnings of a name the longer one counts.
pub(crate) const COLLECTORS: &[(&str, &str)] = &[
    ("conntrack", "node_nf_conntrack_"),
    ("cpu", "node_cpu_"),
    ("cpufreq", "node_cpu_core_throttles_"),
    ("cpufreq", "node_cpu_frequency_m"),
    ("cpufreq", "node_cpu_package_throttles_"),
    ("cpufreq", "node_cpu_scaling_"),
    ("diskstats", "node_disk_"),
    ("filefd", "node_filefd_"),
    ("hwmon", "node_hwmon_"),
    ("loadavg", "node_load"),
    ("meminfo", "node_memory_"),
    ("meminfo_numa", "node_memory_numa_"),
    ("netclass", "node_network_"),
    ("netdev", "node_network_receive_"),
    ("netdev", "node_network_transmit_"),
    ("netclass", "node_network_transmit_queue_"),
    ("netstat", "node_netstat_"),
    ("nvme", "node_nvme_"),
    ("powersupplyclass", "node_power_supply_"),
    ("pressure", "node_pressure_"),
    ("rapl", "node_rapl_"),
    ("sockstat", "node_sockstat_"),
    ("softnet", "node_softnet_"),
    ("stat", "node_boot_time_"),
    ("stat", "node_context_switches_"),
    ("stat", "node_forks_"),
    ("stat", "node_intr_"),
    ("stat", "node_procs_"),
    ("thermal_zone", "node_cooling_device_"),
    ("thermal_zone", "node_thermal_zone_"),
    ("udp_queues", "node_udp_queues"),
    ("vmstat", "node_vmstat_"),
];

/// Which of them run only by request.
const BY_REQUEST: &[&str] = &["meminfo_numa"];

/// Series that differ, by how their name begins and something that stands in their labels, and why they may.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("node_cpu_bug_info", "", "what /proc/cpuinfo says node_exporter tells only by request, ODIN never"),
    ("node_cpu_flag_info", "", "as the bugs"),
    ("node_cpu_info", "", "as the bugs"),
    ("node_cpu_vulnerabilities_info", "", "node_exporter tells them only by request, ODIN never"),
    ("node_network_", r#"device="dmz""#, "node_exporter was told to leave the interface out"),
    ("node_network_", r#"device="int""#, "node_exporter was told to leave the interface out"),
    ("node_network_", r#"device="lo""#, "is of the machine that the page was made on, not of the tree"),
    (
        "node_hwmon_chip_names",
        "chip=\"bogus\"",
        "node_exporter was told which chips to read, and this is not among them",
    ),
    (
        "node_nvme_namespace_",
        "",
        "node_exporter takes 512-byte sectors for blocks, so sizes are wrong where those are larger",
    ),
    (
        "node_softnet_backlog_len",
        "",
        "the kernel of the tree has no such number; node_exporter says 0, ODIN nothing",
    ),
];

/// Name and labels, these in their order and without empty ones, which are none to Prometheus, and the value.
type Samples = BTreeMap<(String, String), f64>;

#[test]
fn each_sample_of_the_tree_of_node_exporter_is_the_same() {
    let Some(tree) = shared("fixtures/node_exporter-fixtures.tar.gz") else { return };
    let home = Home::new();
    let unpacked = home.path().join("tree");
    fs::create_dir_all(unpacked.join("root/run/udev")).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(&tree).arg("-C").arg(&unpacked).status();
    if !tar.is_ok_and(|status| status.success()) {
        return skip("no `tar` to unpack the tree of node_exporter with");
    }
    symlink(unpacked.join("udev/data"), unpacked.join("root/run/udev/data")).unwrap();
    let expected = fs::read(unpacked.join("e2e-output.txt")).unwrap();
    // Where sysfs was for it; in ODIN's words a path is the host's.
    let expected = String::from_utf8_lossy(&expected).replace("\"collector/fixtures/sys/", "\"/sys/");
    let expected = samples(&expected);
    let path = |name: &str| format!("--path.{name}fs={}", unpacked.join(name).display());
    let mut args = vec!["agent".into(), "--once".into(), path("proc"), path("sys"), path("root")];
    args.extend(BY_REQUEST.iter().map(|collector| format!("--collector.{collector}=on")));
    let page = home.odin(args).output().unwrap();
    let told = samples(&String::from_utf8(page.stdout).unwrap());

    let owner = |name: &str| {
        let rows = COLLECTORS.iter().filter(|(_, family)| name.starts_with(family));
        rows.max_by_key(|(_, family)| family.len()).map(|(collector, _)| *collector)
    };
    let excuse = |(name, labels): &(String, String)| {
        let is_excuse = |row: &&(&str, &str, &str)| name.starts_with(row.0) && labels.contains(row.1);
        DIFFERENCES.iter().find(is_excuse)
    };
    let (mut equal, mut wrong, mut excused) = (BTreeMap::<_, usize>::new(), vec![], BTreeMap::new());
    let series: BTreeSet<_> = expected.keys().chain(told.keys()).collect();
    for series in series {
        let Some(collector) = owner(&series.0) else { continue };
        let (theirs, ours) = (expected.get(series), told.get(series));
        if theirs.map(|value| value.to_bits()) == ours.map(|value| value.to_bits()) {
            *equal.entry(collector).or_default() += 1;
        } else if let Some(excuse) = excuse(series) {
            *excused.entry(excuse).or_insert(0) += 1;
        } else {
            wrong.push(format!("{}{{{}}} is {theirs:?}, and {ours:?} in ODIN's words", series.0, series.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<_> = DIFFERENCES.iter().filter(|row| !excused.contains_key(row)).collect();
    assert!(unused.is_empty(), "no longer so: {unused:?}");
    let counts: Vec<_> = equal.iter().map(|(collector, count)| format!("{collector} {count}")).collect();
    tell(&format!(
        "node_exporter's tree: {} samples equal: {}",
        equal.values().sum::<usize>(),
        counts.join(", ")
    ));
    for ((name, labels, reason), count) in excused {
        tell(&format!("  {count} of {name}{{{labels}}} differ: {reason}"));
    }
}

#[test]
fn what_is_compared_is_collected() {
    let known = families::collectors();
    for (collector, family) in COLLECTORS {
        assert!(known.contains(collector), "{collector}");
        let has = |name: &str| families::all().any(|known| known.name.starts_with(name));
        assert!(has(family), "{family}");
    }
}

/// The samples of a page.
pub(crate) fn samples(page: &str) -> Samples {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect()
}

fn sample(line: &str) -> Option<((String, String), f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_comma = |c: char| {
        let is_comma = c == ',' && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_comma
    };
    let mut labels: Vec<&str> = labels.strip_suffix('}')?.split(is_comma).collect();
    labels.retain(|label| !label.ends_with("=\"\""));
    labels.sort_unstable();
    Some(((name.into(), labels.join(",")), value.parse().ok()?))
}
