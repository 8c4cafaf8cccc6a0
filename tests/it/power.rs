//! Power and heat as a scraper meets them, on a made-up sysfs: a sensor that never answers, and one that only root may
//! read.

// Counts are whole, and told exactly.
#![allow(clippy::float_cmp)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::agent::{Agent, HANGS, Samples, samples};
use crate::confined::{Unprivileged, set_mode};
use crate::harness::Home;
use crate::metrics::refused_by_promtool;

const TEMPERATURE: &str = r#"node_hwmon_temp_celsius{chip="nvme",sensor="temp1"}"#;

/// A laptop: two chips, the package's energy and that of its cores, a zone, a battery, mains.
fn laptop(home: &Home) -> PathBuf {
    let sys = home.path().join("sys");
    for (path, text) in [
        ("hwmon/hwmon0/name", "nvme"),
        ("hwmon/hwmon0/temp1_input", "36850"),
        ("hwmon/hwmon0/temp1_label", "Composite"),
        ("hwmon/hwmon0/temp1_crit", "84850"),
        ("hwmon/hwmon1/name", "amdgpu"),
        ("hwmon/hwmon1/power1_average", "11000000"),
        ("hwmon/hwmon1/fan1_fault", "0"),
        ("powercap/intel-rapl:0/name", "package-0"),
        ("powercap/intel-rapl:0/energy_uj", "3000000"),
        ("powercap/intel-rapl:0/max_energy_range_uj", "262143328850"),
        ("powercap/intel-rapl:0/constraint_0_name", "long_term"),
        ("powercap/intel-rapl:0/constraint_0_power_limit_uw", "45000000"),
        ("powercap/intel-rapl:0:0/name", "core"),
        ("powercap/intel-rapl:0:0/energy_uj", "1000000"),
        ("powercap/intel-rapl:0:0/max_energy_range_uj", "262143328850"),
        ("thermal/thermal_zone0/type", "acpitz"),
        ("thermal/thermal_zone0/temp", "27800"),
        ("power_supply/BAT0/type", "Battery"),
        ("power_supply/BAT0/status", "Charging"),
        ("power_supply/BAT0/power_now", "30000000"),
        ("power_supply/AC/type", "Mains"),
        ("power_supply/AC/online", "1"),
    ] {
        let path = sys.join("class").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    sys
}

/// What there is of the collectors that nothing is wrong with.
fn assert_has_the_rest(samples: &Samples, besides: &str) {
    for (collector, series, value) in [
        ("hwmon", r#"odin_hwmon_power_watts{chip="amdgpu",sensor="power1"}"#, 11.0),
        ("powersupplyclass", r#"odin_battery_power_watts{power_supply="BAT0",direction="charge"}"#, 30.0),
        ("powersupplyclass", r#"odin_ac_online{power_supply="AC"}"#, 1.0),
        ("rapl", r#"odin_power_limit_watts{zone="0",constraint="long_term"}"#, 45.0),
        ("thermal_zone", r#"node_thermal_zone_temp{type="acpitz",zone="0"}"#, 27.8),
    ] {
        if collector != besides {
            assert_eq!(samples.get(series), Some(&value), "{series}");
            assert_eq!(samples.get(&format!("odin_collector_up{{collector=\"{collector}\"}}")), Some(&1.0));
        }
    }
}

fn arguments(sys: &Path) -> String {
    format!("--path.sysfs={}", sys.display())
}

#[test]
fn a_sensor_that_never_answers_costs_its_collector_alone_until_it_does() {
    let home = Home::new();
    let sys = laptop(&home);
    let sensor = sys.join("class/hwmon/hwmon0/temp1_input");
    fs::remove_file(&sensor).unwrap();
    mknodat(CWD, &sensor, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let agent = Agent::start_with(&home, &[&arguments(&sys)]);
    let scrape = || {
        let answer = agent.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 2\r\n");
        assert_eq!(answer.status, 200);
        samples(&String::from_utf8(answer.body).unwrap())
    };
    for _ in 0..2 {
        let samples = scrape();
        assert_has_the_rest(&samples, "hwmon");
        assert_eq!(samples[r#"odin_collector_up{collector="hwmon"}"#], 0.0);
        // One call hangs, however often it is asked for.
        assert_eq!(samples[r#"odin_collector_errors_total{collector="hwmon",kind="timeout"}"#], 1.0);
        assert!(samples[r#"odin_collector_stuck_seconds{collector="hwmon"}"#] > 0.0);
        assert!(
            !samples.keys().any(|series| series.contains("hwmon_temp") || series.contains("hwmon_power"))
        );
    }
    // The sensor is well again, and what hangs hears of it.
    let mut source = File::options().write(true).open(&sensor).unwrap();
    let well = sys.join("well");
    fs::write(&well, "36850").unwrap();
    fs::rename(&well, &sensor).unwrap();
    source.write_all(b"99000\n").unwrap();
    drop(source);
    let begun = Instant::now();
    let samples = loop {
        let samples = scrape();
        if samples[r#"odin_collector_up{collector="hwmon"}"#] == 1.0 {
            break samples;
        }
        assert!(begun.elapsed() < HANGS, "hwmon does not come back");
        thread::yield_now();
    };
    assert_has_the_rest(&samples, "");
    // What came late is not shown, and what was so slow rests for a while.
    assert!(!samples.contains_key(TEMPERATURE));
}

#[test]
fn energy_is_looked_at_before_anybody_scrapes() {
    let home = Home::new();
    let sys = laptop(&home);
    let counter = sys.join("class/powercap/intel-rapl:0/energy_uj");
    fs::remove_file(&counter).unwrap();
    mknodat(CWD, &counter, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let agent = Agent::start_with(&home, &[&arguments(&sys)]);
    // Waits for the agent to read.
    let mut first = File::options().write(true).open(&counter).unwrap();
    let later = sys.join("later");
    fs::write(&later, "3500000").unwrap();
    fs::rename(&later, &counter).unwrap();
    first.write_all(b"3000000\n").unwrap();
    drop(first);
    let begun = Instant::now();
    let energy = r#"odin_power_energy_joules_total{domain="package",zone="0",source="rapl"}"#;
    // The first scrape may share the call that read first.
    while agent.samples().get(energy) != Some(&0.5) {
        assert!(begun.elapsed() < HANGS, "what was read first is not counted from");
        thread::yield_now();
    }
}

#[test]
fn what_only_root_may_read_is_absent_for_others_and_counted() {
    let home = Home::new();
    let sys = laptop(&home);
    let Some(nobody) = Unprivileged::new(&home) else { return };
    // As kernels have it since 5.10.
    set_mode(&sys.join("class/powercap/intel-rapl:0/energy_uj"), 0o000);
    let page = nobody.run(&home, &format!("agent --once {}", arguments(&sys))).stdout;
    let samples = samples(&page);
    assert_has_the_rest(&samples, "rapl");
    assert_eq!(samples[r#"odin_collector_errors_total{collector="rapl",kind="perm"}"#], 1.0);
    assert_eq!(samples[r#"odin_collector_up{collector="rapl"}"#], 0.0);
    let has = |part: &str| samples.keys().any(|series| series.contains(part));
    assert!(has("node_rapl_core_joules_total") && has(r#"domain="core""#) && has("odin_power_limit_watts"));
    assert!(!has("node_rapl_package_joules_total") && !has(r#"domain="package""#), "{page}");
    if let Some(refused) = refused_by_promtool(&page) {
        let own = ["_rapl_", "_hwmon_", "_power_", "_battery_", "_thermal_", "_cooling_", "_ac_"];
        let refused: Vec<&str> =
            refused.lines().filter(|line| own.iter().any(|part| line.contains(part))).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}
