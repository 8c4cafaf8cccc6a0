//! Sensors of chips: temperatures with their limits, fans, voltages, currents, power, energy, from `/sys/class/hwmon`
//! (`Documentation/hwmon/sysfs-interface.rst`).
//!
//! `node_hwmon_*` is what `node_exporter` 1.12 makes of the same files, with two differences: a device that sleeps is
//! not read, since that would wake it, and a chip that took longer than [`PATIENCE`] is left alone for a while.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::attribute::{self, Failures};
use super::{Collector, Error};
use crate::config::Roots;
use crate::metrics::Kind;
use crate::metrics::families::hwmon::{
    BEEP_ENABLED, CHIP_NAMES, CPU_TEMPERATURE_CELSIUS, FREQ_FREQ_MHZ, ODIN_ENERGY_JOULES, ODIN_POWER_WATTS,
    ODIN_READ_SECONDS, SENSOR_LABEL, UPDATE_INTERVAL_SECONDS, VOLTAGE_REGULATOR_VERSION, named,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "hwmon";

/// What a chip may take.
const PATIENCE: Duration = Duration::from_millis(250);

/// A slow chip rests for as many times as long as it took, so that it takes a twentieth of the time at most; but not
/// for longer than that, since what hung once may be well again.
const REST: u32 = 20;
const LONGEST_REST: Duration = Duration::from_secs(300);

/// A server can have thousands of sensors, which would leave no room in a page for anything else.
const MOST_SERIES: usize = 1000;

/// What files of sensors begin with, before their number.
const TYPES: [&str; 14] = [
    "beep_enable",
    "cpu",
    "curr",
    "energy",
    "fan",
    "freq",
    "humidity",
    "in",
    "intrusion",
    "power",
    "pwm",
    "temp",
    "update_interval",
    "vrm",
];

pub struct Hwmon {
    class: PathBuf,
    rests: Rests,
}

impl Hwmon {
    pub fn new(roots: &Roots) -> Self {
        Self { class: roots.sys.join("class/hwmon"), rests: Rests::default() }
    }
}

impl Collector for Hwmon {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let mut failures = Failures::default();
        let chips = chips(&self.class, &mut failures)?;
        let only_amd = chips.iter().filter(|chip| chip.is_named("k10temp")).count() == 1;
        for chip in &chips {
            let started = Instant::now();
            if self.rests.is_resting(&chip.folder, started) {
                continue;
            }
            if let Some(name) = &chip.name {
                out.push(&CHIP_NAMES, &[&chip.label, name], 1.0);
            }
            if chip.is_asleep(&mut failures) {
                continue;
            }
            let sensors = chip.read(&mut failures);
            let took = started.elapsed();
            out.push(&ODIN_READ_SECONDS, &[&chip.label], took.as_secs_f64());
            if self.rests.note(&chip.folder, started, took) {
                let what = format!("{} within {} ms", chip.folder.display(), PATIENCE.as_millis());
                failures.add(Error::Timeout { what });
            }
            for (name, sensor) in &sensors {
                if out.pushed() >= MOST_SERIES {
                    out.leave_out(&SENSOR_LABEL, sensor.elements.len() as u64);
                    continue;
                }
                sensor.tell(&chip.label, name, out);
                if let Some(package) = chip.package_of(sensor, only_amd)
                    && let Some(celsius) = sensor.celsius()
                {
                    out.push(&CPU_TEMPERATURE_CELSIUS, &[package], celsius);
                }
            }
        }
        failures.end()
    }
}

/// Chips that are left alone, and until when.
#[derive(Debug, Default)]
struct Rests(BTreeMap<PathBuf, Instant>);

impl Rests {
    fn is_resting(&self, chip: &Path, now: Instant) -> bool {
        self.0.get(chip).is_some_and(|until| now < *until)
    }

    /// True: the chip was slow, and rests now.
    fn note(&mut self, chip: &Path, started: Instant, took: Duration) -> bool {
        if took <= PATIENCE {
            self.0.remove(chip);
            return false;
        }
        self.0.insert(chip.into(), started + took + LONGEST_REST.min(took * REST));
        true
    }
}

/// A folder of the class.
struct Chip {
    folder: PathBuf,
    /// Stays the same over boots, unlike the number in the folder's name.
    label: String,
    /// What the driver calls it.
    name: Option<String>,
}

/// All of them, each with a label of its own.
fn chips(class: &Path, failures: &mut Failures) -> Result<Vec<Chip>, Error> {
    let mut chips: Vec<Chip> = vec![];
    for folder in attribute::names(class)?.iter().map(|name| class.join(name)).filter(|path| path.is_dir()) {
        let name = failures.note(attribute::text(&folder.join("name")));
        let name = name.map(|name| clean(&name)).filter(|name| !name.is_empty());
        let label = device_label(&folder).or_else(|| name.clone()).unwrap_or_else(|| number(&folder));
        chips.push(Chip { folder, label, name });
    }
    if chips.is_empty() {
        return Err(Error::Absent { path: class.into() });
    }
    // Of several chips of one device the name says which it is, else the number.
    let labels: Vec<String> = chips
        .iter()
        .map(|chip| {
            let of_device = || chips.iter().filter(|other| other.label == chip.label);
            if of_device().count() == 1 {
                return chip.label.clone();
            }
            let is_own = of_device().filter(|other| other.name == chip.name).count() == 1;
            let own = chip.name.clone().filter(|_| is_own);
            format!("{}_{}", chip.label, own.unwrap_or_else(|| number(&chip.folder)))
        })
        .collect();
    for (chip, label) in chips.iter_mut().zip(labels) {
        chip.label = label;
    }
    Ok(chips)
}

/// The device and what it is attached to, as in `platform_coretemp_0`.
fn device_label(chip: &Path) -> Option<String> {
    let device = fs::canonicalize(chip.join("device")).ok()?;
    let cleaned =
        |path: &Path| path.file_name().map(|name| clean(&name.to_string_lossy())).unwrap_or_default();
    let (parent, own) = (device.parent().map(cleaned).unwrap_or_default(), cleaned(&device));
    match (parent.is_empty(), own.is_empty()) {
        (_, true) => None,
        (true, false) => Some(own),
        (false, false) => Some(format!("{parent}_{own}")),
    }
}

/// As in `hwmon3`.
fn number(chip: &Path) -> String {
    chip.file_name().map(|name| clean(&name.to_string_lossy())).unwrap_or_default()
}

/// What can stand in the name of a family.
fn clean(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ':' | '_');
    let cleaned: String = name.to_lowercase().chars().map(|c| if is_allowed(c) { c } else { '_' }).collect();
    cleaned.trim_matches('_').into()
}

impl Chip {
    fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// Whether the device was put to sleep by the kernel: a graphics card or a disk that nothing uses.
    fn is_asleep(&self, failures: &mut Failures) -> bool {
        let status = attribute::text(&self.folder.join("device/power/runtime_status"));
        failures.note(status).is_some_and(|status| status == "suspended")
    }

    /// By name, as in `temp1`. Old drivers have their files with the device.
    fn read(&self, failures: &mut Failures) -> BTreeMap<String, Sensor> {
        let mut sensors = BTreeMap::new();
        for folder in [self.folder.clone(), self.folder.join("device")] {
            for file in failures.note(attribute::files(&folder).map(Some)).unwrap_or_default() {
                let Some((kind, number, element)) = parts(&file) else { continue };
                let path = folder.join(&file);
                let Some(text) = failures.note(attribute::text(&path)) else { continue };
                if element == "input" {
                    failures.note(attribute::parse::<f64>(&path, &text).map(Some));
                }
                let sensor = sensors.entry(format!("{kind}{number}"));
                let sensor = sensor.or_insert_with(|| Sensor { kind, elements: BTreeMap::new() });
                sensor.elements.insert(element.into(), text);
            }
        }
        sensors
    }

    /// Of which processor's package the sensor tells, as in `Package id 0`. What drivers of AMD's call `Tctl` is the
    /// only package's; they do not say which one it is where there are several.
    fn package_of<'s>(&self, sensor: &'s Sensor, only_amd: bool) -> Option<&'s str> {
        let label = sensor.elements.get("label").filter(|_| sensor.kind == "temp")?;
        if self.is_named("k10temp") {
            return (only_amd && label == "Tctl").then_some("0");
        }
        let id = label.strip_prefix("Package id ").or_else(|| label.strip_prefix("Physical id "))?;
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        (self.is_named("coretemp") && is_number).then_some(id)
    }
}

/// What a file is of: as in `temp1_input` the type, the number (0 without one) and the element.
fn parts(file: &str) -> Option<(&'static str, u32, &str)> {
    let (kind, rest) = file.split_at(file.find(|c: char| c.is_ascii_digit()).unwrap_or(file.len()));
    let kind = *TYPES.iter().find(|known| **known == kind)?;
    let (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let number = if number.is_empty() { 0 } else { number.parse().ok()? };
    let element =
        if rest.is_empty() { rest } else { rest.strip_prefix('_').filter(|rest| !rest.is_empty())? };
    Some((kind, number, element))
}

/// The files of one sensor.
struct Sensor {
    /// One of [`TYPES`].
    kind: &'static str,
    /// What they say; the one without an element is "".
    elements: BTreeMap<String, String>,
}

impl Sensor {
    fn number(&self, element: &str) -> Option<f64> {
        self.elements.get(element)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// None: there is no reading, or the driver says that it is not to be trusted.
    fn celsius(&self) -> Option<f64> {
        let is_faulty = self.number("fault").is_some_and(|fault| fault != 0.0);
        self.number("input").filter(|_| !is_faulty).map(|millidegrees| millidegrees / 1000.0)
    }

    fn tell(&self, chip: &str, name: &str, out: &mut Builder) {
        let labels = [chip, name];
        if let Some(label) = self.elements.get("label") {
            out.push(&SENSOR_LABEL, &[chip, label, name], 1.0);
        }
        let whole = self.number("");
        match self.kind {
            "beep_enable" => out.push(&BEEP_ENABLED, &labels, f64::from(u8::from(whole == Some(1.0)))),
            "vrm" => _ = whole.map(|version| out.push(&VOLTAGE_REGULATOR_VERSION, &labels, version)),
            "update_interval" => _ = whole.map(|ms| out.push(&UPDATE_INTERVAL_SECONDS, &labels, ms * 0.001)),
            _ => self.tell_elements(chip, name, out),
        }
        let (family, reading) = match self.kind {
            "power" => (&ODIN_POWER_WATTS, self.number("input").or_else(|| self.number("average"))),
            "energy" => (&ODIN_ENERGY_JOULES, self.number("input").filter(|uj| *uj >= 0.0)),
            _ => return,
        };
        if let Some(millionths) = reading {
            out.push(family, &labels, millionths / 1e6);
        }
    }

    /// As `node_exporter` names and scales them.
    fn tell_elements(&self, chip: &str, name: &str, out: &mut Builder) {
        for element in self.elements.keys().filter(|element| *element != "label") {
            let Some(value) = self.number(element) else { continue };
            if (self.kind, element.as_str()) == ("freq", "input") {
                if let Some(label) = self.elements.get("label") {
                    out.push(&FREQ_FREQ_MHZ, &[chip, &clean(label)], value / 1e6);
                }
                continue;
            }
            let (suffix, value) = unit(self.kind, element, value);
            let what = match element.as_str() {
                // The value itself, unless a file without an element is that.
                "input" if !self.elements.contains_key("") => String::new(),
                "" => String::new(),
                element => format!("_{}", clean(element)),
            };
            let kind = if suffix == JOULES { Kind::Counter } else { Kind::Gauge };
            // A counter below 0 would spoil a page.
            if kind == Kind::Counter && value < 0.0 {
                continue;
            }
            let family = named(&format!("node_hwmon_{}{what}{suffix}", self.kind), kind, || {
                format!("Hardware monitor {} element {element}", self.kind)
            });
            if let Some(family) = family {
                out.push(family, &[chip, name], value);
            }
        }
    }
}

const JOULES: &str = "_joule_total";

/// What the name of a family ends with, and the value in that unit.
fn unit(kind: &str, element: &str, value: f64) -> (&'static str, f64) {
    match (kind, element) {
        (_, "fault" | "alarm") => ("", value),
        (_, "beep") => ("_enabled", value),
        ("in" | "cpu", _) => ("_volts", value * 0.001),
        ("temp", element) if element != "type" => ("_celsius", value * 0.001),
        ("curr", _) => ("_amps", value * 0.001),
        ("energy", _) => (JOULES, value / 1e6),
        ("power", "accuracy") | ("humidity", _) => ("", value / 1e6),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            ("_seconds", value * 0.001)
        }
        ("power", _) => ("_watt", value / 1e6),
        ("fan", "input" | "min" | "max" | "target") => ("_rpm", value),
        _ => ("", value),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::collector::Failure;
    use crate::collector::attribute::tests::{lines, write};

    /// A host with chips: the path of a device, then files of the chip that lies in it.
    fn host(chips: &[(&str, &[(&str, &str)])]) -> (TempDir, Hwmon) {
        let host = tempfile::tempdir().unwrap();
        let class = host.path().join("class/hwmon");
        fs::create_dir_all(&class).unwrap();
        for (n, (device, files)) in chips.iter().enumerate() {
            let chip = format!("devices/{device}/hwmon/hwmon{n}");
            for (file, text) in *files {
                write(host.path(), &[(&format!("{chip}/{file}"), text)]);
            }
            symlink("../..", host.path().join(&chip).join("device")).unwrap();
            symlink(host.path().join(&chip), class.join(format!("hwmon{n}"))).unwrap();
        }
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let hwmon = Hwmon::new(&roots);
        (host, hwmon)
    }

    /// What is there besides the time it took.
    fn collect(hwmon: &mut Hwmon) -> (Vec<String>, Vec<Failure>) {
        let mut out = Builder::new();
        let failures = hwmon.collect(&mut out).err();
        let kinds = failures.iter().flat_map(|error| error.failures().collect::<Vec<_>>());
        // A machine may be too busy for a deadline.
        let kinds = kinds.filter(|kind| *kind != Failure::Timeout).collect();
        let lines = lines(out).into_iter().filter(|line| !line.starts_with("odin_hwmon_read_seconds"));
        (lines.map(|line| line.replace("node_hwmon_", "")).collect(), kinds)
    }

    #[test]
    fn sensors_have_their_own_limits_and_readings_the_unit_of_their_type() {
        let (_host, mut hwmon) = host(&[(
            "pci0000:00/0000:01:00.0",
            &[
                ("name", "amdgpu\n"),
                ("temp1_input", "46000\n"),
                ("temp1_crit", "97000\n"),
                ("temp1_crit_hyst", "-40000\n"),
                ("temp1_type", "4\n"),
                ("temp1_label", "edge \"1\"\n"),
                ("fan1_input", "0\n"),
                ("fan1_max", "3300\n"),
                ("fan1_fault", "1\n"),
                ("fan1_weight", "3\n"),
                ("in0_input", "756\n"),
                ("curr1_input", "-1500\n"),
                ("power1_average", "5047000\n"),
                ("power1_cap", "186000000\n"),
                ("power1_average_interval", "1000\n"),
                ("energy1_input", "1234567\n"),
                ("energy2_input", "-1\n"),
                ("freq1_input", "500000000\n"),
                ("freq1_label", "sclk\n"),
                ("humidity1_input", "520000\n"),
                ("pwm1", "64\n"),
                ("pwm1_oem_info", "no number\n"),
                ("beep_enable", "1\n"),
                ("update_interval", "2000\n"),
                ("vrm", "114\n"),
                ("bogus1_input", "1\n"),
            ],
        )]);
        let (lines, failures) = collect(&mut hwmon);
        assert_eq!(failures, []);
        let chip = r#"chip="pci0000:00_0000:01:00_0""#;
        let of = |sensor: &str| format!(r#"{{{chip},sensor="{sensor}"}}"#);
        assert_eq!(
            lines,
            [
                format!("beep_enabled{} 1", of("beep_enable0")),
                format!(r#"chip_names{{{chip},chip_name="amdgpu"}} 1"#),
                format!("curr_amps{} -1.5", of("curr1")),
                format!("energy_joule_total{} 1.234567", of("energy1")),
                format!("fan_fault{} 1", of("fan1")),
                format!("fan_max_rpm{} 3300", of("fan1")),
                format!("fan_rpm{} 0", of("fan1")),
                format!("fan_weight{} 3", of("fan1")),
                format!("freq_freq_mhz{} 500", of("sclk")),
                format!("humidity{} 0.52", of("humidity1")),
                format!("in_volts{} 0.756", of("in0")),
                format!("power_average_interval_seconds{} 1", of("power1")),
                format!("power_average_watt{} 5.047", of("power1")),
                format!("power_cap_watt{} 186", of("power1")),
                format!("pwm{} 64", of("pwm1")),
                format!(r#"sensor_label{{{chip},label="edge \"1\"",sensor="temp1"}} 1"#),
                format!(r#"sensor_label{{{chip},label="sclk",sensor="freq1"}} 1"#),
                format!("temp_celsius{} 46", of("temp1")),
                format!("temp_crit_celsius{} 97", of("temp1")),
                format!("temp_crit_hyst_celsius{} -40", of("temp1")),
                format!("temp_type{} 4", of("temp1")),
                format!("update_interval_seconds{} 2", of("update_interval0")),
                format!("voltage_regulator_version{} 114", of("vrm0")),
                format!("odin_hwmon_energy_joules_total{} 1.234567", of("energy1")),
                format!("odin_hwmon_power_watts{} 5.047", of("power1")),
            ]
        );
    }

    #[test]
    fn chips_of_one_device_are_told_apart_by_name_or_else_by_number() {
        let (host, mut hwmon) = host(&[
            ("platform/asus-nb-wmi", &[("name", "asus"), ("pwm1_enable", "2")]),
            ("platform/asus-nb-wmi", &[("name", "asus_wmi"), ("pwm1_enable", "1")]),
            ("pci0000:00/nvme/nvme0", &[("name", "nvme"), ("pwm1_enable", "0")]),
            ("pci0000:00/nvme/nvme1", &[("name", "nvme"), ("pwm1_enable", "3")]),
            ("i2c/1-0050", &[("name", "jc42"), ("pwm1_enable", "4")]),
            ("i2c/1-0050", &[("name", "jc42"), ("pwm1_enable", "5")]),
        ]);
        // Without a device there is the driver's name.
        write(
            host.path(),
            &[("class/hwmon/hwmon6/name", "Virtual Chip"), ("class/hwmon/hwmon6/pwm1_enable", "6")],
        );
        write(host.path(), &[("class/hwmon/hwmon7/pwm1_enable", "7")]);
        let (lines, failures) = collect(&mut hwmon);
        assert_eq!(failures, []);
        let chips: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix("pwm_enable{chip=")).collect();
        assert_eq!(
            chips,
            [
                r#""hwmon7",sensor="pwm1"} 7"#,
                r#""i2c_1_0050_hwmon4",sensor="pwm1"} 4"#,
                r#""i2c_1_0050_hwmon5",sensor="pwm1"} 5"#,
                r#""nvme_nvme0",sensor="pwm1"} 0"#,
                r#""nvme_nvme1",sensor="pwm1"} 3"#,
                r#""platform_asus_nb_wmi_asus",sensor="pwm1"} 2"#,
                r#""platform_asus_nb_wmi_asus_wmi",sensor="pwm1"} 1"#,
                r#""virtual_chip",sensor="pwm1"} 6"#,
            ]
        );
    }

    #[test]
    fn a_sensor_that_fails_leaves_the_others_and_is_counted() {
        let (host, mut hwmon) = host(&[
            ("platform/a", &[("temp2_input", "1000"), ("temp3_input", "hot"), ("temp3_max", "2000")]),
            ("platform/b", &[("temp1_input", "3000")]),
        ]);
        symlink("/proc/self/mem", host.path().join("class/hwmon/hwmon0/temp1_input")).unwrap();
        // Every device has a folder of this name.
        fs::create_dir(host.path().join("devices/platform/a/power")).unwrap();
        let (lines, failures) = collect(&mut hwmon);
        assert_eq!(failures, [Failure::Io, Failure::Parse]);
        assert_eq!(
            lines,
            [
                r#"temp_celsius{chip="platform_a",sensor="temp2"} 1"#,
                r#"temp_celsius{chip="platform_b",sensor="temp1"} 3"#,
                r#"temp_max_celsius{chip="platform_a",sensor="temp3"} 2"#,
            ]
        );
    }

    #[test]
    fn how_long_a_chip_took_is_told_of_each_that_was_read() {
        let (host, mut hwmon) =
            host(&[("a/b", &[("temp1_input", "1000")]), ("c/d", &[("temp1_input", "1000")])]);
        write(host.path(), &[("devices/c/d/power/runtime_status", "suspended")]);
        let mut out = Builder::new();
        _ = hwmon.collect(&mut out);
        let snapshot = out.build();
        let times = snapshot.samples().filter(|sample| *sample.family == ODIN_READ_SECONDS);
        let times: Vec<(&str, bool)> = times.map(|sample| (sample.labels, sample.value > 0.0)).collect();
        assert_eq!(times, [(r#"chip="a_b""#, true)]);
    }

    #[test]
    fn a_device_that_sleeps_is_not_read() {
        let (host, mut hwmon) = host(&[("pci/card", &[("name", "nouveau"), ("temp1_input", "40000")])]);
        let status = |status: &str| write(host.path(), &[("devices/pci/card/power/runtime_status", status)]);
        status("active\n");
        assert_eq!(collect(&mut hwmon).0.len(), 2);
        status("suspended\n");
        let name = r#"chip_names{chip="pci_card",chip_name="nouveau"} 1"#;
        assert_eq!(collect(&mut hwmon), (vec![name.into()], vec![]));
    }

    #[test]
    fn the_temperature_of_a_package_is_what_its_driver_calls_so() {
        let core: &[(&str, &str)] = &[
            ("name", "coretemp"),
            ("temp1_label", "Package id 1"),
            ("temp1_input", "55000"),
            ("temp2_label", "Core 0"),
            ("temp2_input", "54000"),
        ];
        let amd: &[(&str, &str)] = &[
            ("name", "k10temp"),
            ("temp1_label", "Tctl"),
            ("temp1_input", "61125"),
            ("temp3_label", "Tccd1"),
            ("temp3_input", "60000"),
        ];
        let faulty: &[(&str, &str)] = &[
            ("name", "coretemp"),
            ("temp1_label", "Physical id 0"),
            ("temp1_input", "0"),
            ("temp1_fault", "1"),
        ];
        let package = |chips: &[(&str, &[(&str, &str)])]| -> Vec<String> {
            let (_host, mut hwmon) = host(chips);
            let lines = collect(&mut hwmon).0.into_iter();
            lines.filter_map(|line| Some(line.strip_prefix("odin_cpu_temperature_celsius")?.into())).collect()
        };
        assert_eq!(package(&[("a", core), ("b", faulty)]), [r#"{package="1"} 55"#]);
        assert_eq!(package(&[("a", amd)]), [r#"{package="0"} 61.125"#]);
        // Which of the two is which package it does not say.
        assert_eq!(package(&[("a", amd), ("b", amd)]), [""; 0]);
    }

    #[test]
    fn a_slow_chip_rests_and_comes_back() {
        let (mut rests, now) = (Rests::default(), Instant::now());
        let (slow, quick) = (Path::new("hwmon0"), Path::new("hwmon1"));
        assert!(rests.note(slow, now, Duration::from_secs(1)));
        assert!(!rests.note(quick, now, PATIENCE));
        assert!(rests.is_resting(slow, now + Duration::from_secs(20)));
        assert!(!rests.is_resting(slow, now + Duration::from_secs(21)));
        assert!(!rests.is_resting(quick, now));
        let hour = Duration::from_secs(3600);
        assert!(rests.note(slow, now, hour));
        assert!(!rests.is_resting(slow, now + hour + LONGEST_REST));
        rests.note(slow, now, PATIENCE);
        assert!(!rests.is_resting(slow, now));
    }

    #[test]
    fn a_machine_full_of_sensors_leaves_room_for_others() {
        let files: Vec<String> = (0..1100).map(|n| format!("temp{n}_input")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), "1000")).collect();
        let (_host, mut hwmon) = host(&[("a", &files)]);
        let mut out = Builder::new();
        // It may take longer than a chip should.
        _ = hwmon.collect(&mut out);
        let snapshot = out.build();
        assert_eq!(snapshot.samples().count(), MOST_SERIES);
        assert_eq!(snapshot.left_out.values().sum::<u64>(), 101);
    }

    #[test]
    fn files_are_taken_apart_as_the_kernel_names_them() {
        for (file, expected) in [
            ("temp1_input", Some(("temp", 1, "input"))),
            ("pwm12_auto_point1_pwm", Some(("pwm", 12, "auto_point1_pwm"))),
            ("pwm1", Some(("pwm", 1, ""))),
            ("in0_min", Some(("in", 0, "min"))),
            ("beep_enable", Some(("beep_enable", 0, ""))),
            ("temp_reset_history", None),
            ("temp1x", None),
            ("temp1_", None),
            ("temp99999999999_input", None),
            ("bogus1_input", None),
            ("1_input", None),
            ("name", None),
        ] {
            assert_eq!(parts(file), expected, "{file}");
        }
    }

    #[test]
    fn a_host_without_any_lacks_nothing() {
        let (_host, mut hwmon) = host(&[]);
        assert_eq!(hwmon.collect(&mut Builder::new()).unwrap_err().failure(), None);
    }
}
