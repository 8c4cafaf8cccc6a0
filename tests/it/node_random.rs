//! Machines made up at random, with every attribute that the kernel's interfaces of sensors, batteries, thermal zones,
//! powercap and CPU speed know, and values that drivers should not give: ODIN and a real `node_exporter` read the same
//! sysfs and tell the same.

// Values are read from the same text.
#![allow(clippy::float_cmp)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::endpoint::client::Client;
use crate::harness::{Home, skip, tell};
use crate::node_fixtures::samples;
use crate::random::Random;

/// Debian's name for it.
const NODE_EXPORTER: &str = "prometheus-node-exporter";

const COLLECTORS: [&str; 6] = ["cpu", "cpufreq", "hwmon", "powersupplyclass", "rapl", "thermal_zone"];

/// What is compared, by how names begin.
const FAMILIES: [&str; 8] = [
    "node_cooling_device_",
    "node_cpu_core_throttles_",
    "node_cpu_package_throttles_",
    "node_cpu_scaling_",
    "node_hwmon_",
    "node_power_supply_",
    "node_rapl_",
    "node_thermal_zone_",
];

/// Families that `node_exporter` did not have from the start.
const GOVERNOR: &str = "node_cpu_scaling_governor";
const FREQUENCY: &str = "node_hwmon_freq_freq_mhz";

const MACHINES: u64 = 5;

/// Elements of sensors by type, of the kernel's interface and of a few drivers.
const ELEMENTS: &[(&str, &str)] = &[
    ("cpu", "vid"),
    ("curr", "input max min lcrit crit average lowest highest alarm beep label enable"),
    ("energy", "input label enable"),
    ("fan", "input max min div pulses target alarm min_alarm fault beep label enable output manual safe"),
    ("freq", "input label"),
    ("humidity", "input min max alarm fault label"),
    ("in", "input min max lcrit crit average lowest highest rated_min enable alarm crit_alarm label beep"),
    ("intrusion", "alarm beep"),
    (
        "power",
        "input average average_interval average_interval_max average_highest cap cap_hyst max crit accuracy \
         alarm cap_alarm label model_number oem_info",
    ),
    ("pwm", " enable mode freq auto_channels_temp auto_point1_pwm auto_point1_temp_hyst weight_temp_step"),
    (
        "temp",
        "input max min max_hyst crit crit_hyst emergency emergency_hyst lcrit offset lowest highest type alarm \
         fault crit_alarm beep label enable",
    ),
    ("unknown", "input"),
];

const SUPPLY_NUMBERS: &str = "alarm authentic calibrate capacity capacity_alert_max capacity_alert_min \
    charge_avg charge_control_limit charge_control_limit_max charge_counter charge_empty charge_empty_design \
    charge_full charge_full_design charge_now charge_term_current constant_charge_current \
    constant_charge_current_max constant_charge_voltage constant_charge_voltage_max current_avg current_boot \
    current_max current_now cycle_count energy_avg energy_empty energy_empty_design energy_full \
    energy_full_design energy_now input_current_limit online power_avg power_now precharge_current present temp \
    temp_alert_max temp_alert_min temp_ambient temp_ambient_max temp_ambient_min temp_max temp_min \
    time_to_empty_avg time_to_empty_now time_to_full_avg time_to_full_now voltage_avg voltage_boot voltage_max \
    voltage_max_design voltage_min voltage_min_design voltage_now voltage_ocv";

const SUPPLY_WORDS: &str = "capacity_level charge_type health manufacturer model_name scope serial_number status \
    technology type usb_type";

/// What drivers should not give as a number.
const ODD_NUMBERS: [&str; 9] = ["", "n/a", "1e3", "0x10", "-0", "18446744073709551615", "1.5", "5 V", "+7"];

const ODD_WORDS: [&[u8]; 6] =
    [b"Core 0", b"edge \"q\"\\n", b"", b"\xc2\xb5Temp", b"fan\xe9\xff\xfe!", b" padded "];

/// A sysfs, as far as it is read.
struct Machine {
    random: Random,
    root: PathBuf,
}

impl Machine {
    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [content.as_ref(), b"\n"].concat()).unwrap();
    }

    /// With one chance in so many.
    fn one_in(&mut self, chances: u64) -> bool {
        self.random.below(chances) == 0
    }

    fn number(&mut self) -> String {
        let size = [10, 1_000, 1_000_000, 10_000_000_000][self.random.index(4)];
        let number = self.random.below(size);
        if self.one_in(8) { format!("-{number}") } else { number.to_string() }
    }

    /// A whole number, or what is none.
    fn reading(&mut self) -> String {
        if self.one_in(8) { ODD_NUMBERS[self.random.index(ODD_NUMBERS.len())].into() } else { self.number() }
    }

    fn word(&mut self) -> &'static [u8] {
        ODD_WORDS[self.random.index(ODD_WORDS.len())]
    }

    /// Each with a device of its own, or none.
    fn chips(&mut self) {
        fs::create_dir_all(self.root.join("class/hwmon")).unwrap();
        for n in 0..6 {
            let bus = ["platform", "pci0000:00", "virtual"][self.random.index(3)];
            let device = format!("devices/{bus}/Dev.{n}-x");
            let chip = format!("{device}/hwmon/hwmon{n}");
            fs::create_dir_all(self.root.join(&chip)).unwrap();
            if !self.one_in(4) {
                self.write(&format!("{chip}/name"), format!("Chip {n}!"));
            }
            for (kind, elements) in ELEMENTS {
                for _ in 0..self.random.below(3) {
                    let sensor = self.random.below(20);
                    for element in elements.split(' ').filter(|element| !element.is_empty() || *kind == "pwm")
                    {
                        if self.one_in(3) {
                            continue;
                        }
                        let folder = if self.one_in(10) { &device } else { &chip };
                        let suffix = if element.is_empty() { "" } else { "_" };
                        let path = format!("{folder}/{kind}{sensor}{suffix}{element}");
                        if element != "label" {
                            let mut reading = self.reading();
                            // ODIN has no counter below 0.
                            if *kind == "energy" {
                                reading = reading.replace('-', "");
                            }
                            self.write(&path, reading);
                        } else if *kind == "freq" {
                            // It becomes the name of the sensor.
                            self.write(&path, format!("Clock {sensor}"));
                        } else {
                            let word = self.word();
                            self.write(&path, word);
                        }
                    }
                }
            }
            for file in ["beep_enable", "vrm", "update_interval", "temp_reset_history"] {
                if self.one_in(3) {
                    let reading = self.random.below(3).to_string();
                    self.write(&format!("{chip}/{file}"), reading);
                }
            }
            if !self.one_in(4) {
                symlink("../..", self.root.join(&chip).join("device")).unwrap();
            }
            symlink(self.root.join(&chip), self.root.join(format!("class/hwmon/hwmon{n}"))).unwrap();
        }
    }

    fn supplies(&mut self) {
        for name in ["AC", "BAT0", "BAT1", "hidpp_battery_0", "ucsi-source-psy-USBC000:001"] {
            for file in SUPPLY_NUMBERS.split_ascii_whitespace() {
                if !self.one_in(3) {
                    let number = self.number();
                    self.write(&format!("class/power_supply/{name}/{file}"), number);
                }
            }
            for file in SUPPLY_WORDS.split_ascii_whitespace() {
                if !self.one_in(3) {
                    let word = self.word();
                    self.write(&format!("class/power_supply/{name}/{file}"), word);
                }
            }
            fs::create_dir_all(self.root.join(format!("class/power_supply/{name}/power"))).unwrap();
        }
    }

    fn thermal(&mut self) {
        for n in 0..12 {
            let (zone, device) =
                (format!("class/thermal/thermal_zone{n}"), format!("class/thermal/cooling_device{n}"));
            let kind = ["acpitz", "x86_pkg_temp", "iwl wifi"][self.random.index(3)];
            // Nothing is colder than what the kernel has for a zone that was never measured.
            let temp = self.random.below(500_000).cast_signed() - 273_000;
            let temp = temp.to_string();
            for (file, text) in
                [("type", kind), ("policy", "step_wise"), ("mode", "disabled"), ("temp", &temp)]
            {
                if file != "mode" || self.one_in(3) {
                    self.write(&format!("{zone}/{file}"), text);
                }
            }
            self.write(&format!("{device}/type"), "Processor");
            for file in ["cur_state", "max_state"] {
                let state = self.number();
                self.write(&format!("{device}/{file}"), state);
            }
        }
    }

    fn powercap(&mut self) {
        let mut zones = vec![
            ("intel-rapl-mmio:0".to_owned(), "package-0".to_owned()),
            ("intel-rapl:12".into(), "psys".into()),
        ];
        for package in 0..12 {
            zones.push((format!("intel-rapl:{package}"), format!("package-{package}")));
            let mut names = ["core", "uncore", "dram"];
            self.random.shuffle(&mut names);
            for (n, name) in names.iter().enumerate().skip(self.random.index(3)) {
                zones.push((format!("intel-rapl:{package}:{n}"), (*name).into()));
            }
        }
        for (folder, name) in zones {
            let energy = self.random.below(262_143_328_850).to_string();
            for (file, text) in
                [("name", name.as_str()), ("energy_uj", &energy), ("max_energy_range_uj", "262143328850")]
            {
                self.write(&format!("class/powercap/{folder}/{file}"), text);
            }
        }
    }

    fn cpus(&mut self) {
        let cpus = "devices/system/cpu";
        for file in ["offline", "isolated"] {
            self.write(&format!("{cpus}/{file}"), "");
        }
        for cpu in 0..16 {
            let file = |name: &str| format!("{cpus}/cpu{cpu}/{name}");
            self.write(&file("topology/physical_package_id"), (cpu / 8).to_string());
            self.write(&file("topology/core_id"), (cpu / 2 % 4).to_string());
            for name in ["core", "package"] {
                if !self.one_in(3) {
                    let count = self.random.below(100).to_string();
                    self.write(&file(&format!("thermal_throttle/{name}_throttle_count")), count);
                }
            }
            for name in ["scaling_cur_freq", "scaling_min_freq", "scaling_max_freq"] {
                let khz = self.random.below(5_000_000).to_string();
                self.write(&file(&format!("cpufreq/{name}")), khz);
            }
            for (name, text) in [
                ("scaling_governor", "powersave"),
                ("scaling_available_governors", "performance powersave"),
                ("cpuinfo_transition_latency", "0"),
                ("related_cpus", "0"),
                ("scaling_driver", "intel_pstate"),
                ("scaling_setspeed", "<unsupported>"),
            ] {
                self.write(&file(&format!("cpufreq/{name}")), text);
            }
        }
    }

    /// The same each time for a seed.
    fn make(seed: u64, root: &Path) {
        let mut machine = Self { random: Random::new(seed), root: root.into() };
        machine.chips();
        machine.supplies();
        machine.thermal();
        machine.powercap();
        machine.cpus();
    }
}

/// A running `node_exporter`, which is killed with its test.
struct NodeExporter {
    child: Child,
    address: SocketAddr,
}

impl NodeExporter {
    /// None: there is none.
    fn start(args: &[String]) -> Option<Self> {
        let mut command = Command::new(NODE_EXPORTER);
        command.arg("--web.listen-address=127.0.0.1:0").args(args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert!(log.read_line(&mut said).unwrap() > 0, "{NODE_EXPORTER} ended: {said}");
            if let Some((_, address)) = said[from..].split_once("Listening on\" address=") {
                break address.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Some(Self { child, address })
    }

    fn page(&self) -> String {
        let mut client = Client::new(self.address);
        // Of this version it sends the page as it is, and then closes.
        let answer = client.send("GET /metrics HTTP/1.0\r\n\r\n").rest();
        let answer = String::from_utf8(answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 "), "{answer}");
        page.into()
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Values by name and labels, of what is compared.
fn compared(page: &str, root: &Path) -> BTreeMap<(String, String), f64> {
    // In ODIN's words a path is the host's.
    let page = page.replace(&format!("\"{}/", root.display()), "\"/sys/");
    let is_compared = |name: &str| FAMILIES.iter().any(|family| name.starts_with(family));
    samples(&page).into_iter().filter(|((name, _), _)| is_compared(name)).collect()
}

#[test]
fn machines_made_at_random_are_told_as_node_exporter_tells_them() {
    let (mut equal, mut families) = (0, BTreeSet::new());
    for seed in 0..MACHINES {
        let home = Home::new();
        let (sys, proc) = (home.path().join("sys"), home.path().join("proc"));
        Machine::make(seed, &sys);
        fs::create_dir(&proc).unwrap();
        fs::write(proc.join("uptime"), "100.00 50.00\n").unwrap();
        fs::write(proc.join("stat"), "cpu  1 2 3 4 5 6 7 8 9 10\nbtime 1700000000\n").unwrap();
        let roots = [format!("--path.sysfs={}", sys.display()), format!("--path.procfs={}", proc.display())];
        let mut args = vec!["--collector.disable-defaults".into()];
        args.extend(COLLECTORS.map(|collector| format!("--collector.{collector}")));
        args.extend(roots.clone());
        let Some(node_exporter) = NodeExporter::start(&args) else {
            return skip("no `prometheus-node-exporter` to compare with: install Debian's package");
        };
        let theirs = compared(&node_exporter.page(), &sys);
        let page = home.odin(["agent", "--once"]).args(roots).output().unwrap().stdout;
        let ours = compared(&String::from_utf8(page).unwrap(), &sys);
        let has = |family: &str| theirs.keys().any(|(name, _)| name == family);
        let is_newer = |(name, labels): &(String, String)| match name.as_str() {
            GOVERNOR => !has(GOVERNOR),
            FREQUENCY => !has(FREQUENCY),
            _ => !has(FREQUENCY) && labels.contains("sensor=\"freq"),
        };
        let mut wrong = vec![];
        for series in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
            if theirs.get(series) == ours.get(series) {
                equal += 1;
                families.insert(series.0.clone());
            } else if !is_newer(series) {
                wrong.push(format!("{series:?}: {:?} and here {:?}", theirs.get(series), ours.get(series)));
            }
        }
        assert!(wrong.is_empty(), "machine {seed}: {wrong:#?}");
    }
    assert!(equal > 1000, "{equal}");
    tell(&format!(
        "{MACHINES} random machines: {equal} samples of {} families as node_exporter's",
        families.len()
    ));
}
