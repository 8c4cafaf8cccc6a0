//! Batteries and what feeds them, from `/sys/class/power_supply` (`Documentation/power/power_supply_class.rst`).
//!
//! A battery tells of its energy or of its charge, never of both, and which way power flows stands in its status alone:
//! drivers do not agree on the sign of a current.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::attribute::{self, Failures};
use super::{Collector, Error};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::powersupplyclass as families;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "powersupplyclass";

/// Files with a number, and what it is divided by.
const NUMBERS: [(&str, &Family, f64); 49] = [
    ("authentic", &families::AUTHENTIC, 1.0),
    ("calibrate", &families::CALIBRATE, 1.0),
    ("capacity", &families::CAPACITY, 1.0),
    ("capacity_alert_max", &families::CAPACITY_ALERT_MAX, 1.0),
    ("capacity_alert_min", &families::CAPACITY_ALERT_MIN, 1.0),
    ("charge_control_limit", &families::CHARGE_CONTROL_LIMIT, 1e6),
    ("charge_control_limit_max", &families::CHARGE_CONTROL_LIMIT_MAX, 1e6),
    ("charge_counter", &families::CHARGE_COUNTER, 1e6),
    ("charge_empty", &families::CHARGE_EMPTY, 1e6),
    ("charge_empty_design", &families::CHARGE_EMPTY_DESIGN, 1e6),
    ("charge_full", &families::CHARGE_FULL, 1e6),
    ("charge_full_design", &families::CHARGE_FULL_DESIGN, 1e6),
    ("charge_now", &families::CHARGE_AMPERE, 1e6),
    ("charge_term_current", &families::CHARGE_TERM_CURRENT, 1e6),
    ("constant_charge_current", &families::CONSTANT_CHARGE_CURRENT, 1e6),
    ("constant_charge_current_max", &families::CONSTANT_CHARGE_CURRENT_MAX, 1e6),
    ("constant_charge_voltage", &families::CONSTANT_CHARGE_VOLTAGE, 1e6),
    ("constant_charge_voltage_max", &families::CONSTANT_CHARGE_VOLTAGE_MAX, 1e6),
    ("current_boot", &families::CURRENT_BOOT, 1e6),
    ("current_max", &families::CURRENT_MAX, 1e6),
    ("current_now", &families::CURRENT_AMPERE, 1e6),
    ("cycle_count", &families::CYCLECOUNT, 1.0),
    ("energy_empty", &families::ENERGY_EMPTY, 1e6),
    ("energy_empty_design", &families::ENERGY_EMPTY_DESIGN, 1e6),
    ("energy_full", &families::ENERGY_FULL, 1e6),
    ("energy_full_design", &families::ENERGY_FULL_DESIGN, 1e6),
    ("energy_now", &families::ENERGY_WATTHOUR, 1e6),
    ("input_current_limit", &families::INPUT_CURRENT_LIMIT, 1e6),
    ("online", &families::ONLINE, 1.0),
    ("power_now", &families::POWER_WATT, 1e6),
    ("precharge_current", &families::PRECHARGE_CURRENT, 1e6),
    ("present", &families::PRESENT, 1.0),
    ("temp", &families::TEMP_CELSIUS, 10.0),
    ("temp_alert_max", &families::TEMP_ALERT_MAX_CELSIUS, 10.0),
    ("temp_alert_min", &families::TEMP_ALERT_MIN_CELSIUS, 10.0),
    ("temp_ambient", &families::TEMP_AMBIENT_CELSIUS, 10.0),
    ("temp_ambient_max", &families::TEMP_AMBIENT_MAX_CELSIUS, 10.0),
    ("temp_ambient_min", &families::TEMP_AMBIENT_MIN_CELSIUS, 10.0),
    ("temp_max", &families::TEMP_MAX_CELSIUS, 10.0),
    ("temp_min", &families::TEMP_MIN_CELSIUS, 10.0),
    ("time_to_empty_now", &families::TIME_TO_EMPTY_SECONDS, 1.0),
    ("time_to_full_now", &families::TIME_TO_FULL_SECONDS, 1.0),
    ("voltage_boot", &families::VOLTAGE_BOOT, 1e6),
    ("voltage_max", &families::VOLTAGE_MAX, 1e6),
    ("voltage_max_design", &families::VOLTAGE_MAX_DESIGN, 1e6),
    ("voltage_min", &families::VOLTAGE_MIN, 1e6),
    ("voltage_min_design", &families::VOLTAGE_MIN_DESIGN, 1e6),
    ("voltage_now", &families::VOLTAGE_VOLT, 1e6),
    ("voltage_ocv", &families::VOLTAGE_OCV, 1e6),
];

/// Files with words, in the order of the labels of `node_power_supply_info`.
const WORDS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
    "scope",
];

const JOULES_PER_MICROWATT_HOUR: f64 = 0.0036;

pub struct PowerSupply {
    class: PathBuf,
}

impl PowerSupply {
    pub fn new(roots: &Roots) -> Self {
        Self { class: roots.sys.join("class/power_supply") }
    }
}

impl Collector for PowerSupply {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let names = attribute::devices(&self.class)?;
        let mut failures = Failures::default();
        for name in &names {
            let supply = Supply::read(&self.class.join(name), &mut failures);
            supply.tell(name, out);
            supply.tell_battery(name, out);
        }
        failures.end()
    }
}

/// What a supply says.
#[derive(Debug, Default)]
struct Supply {
    /// By file.
    numbers: BTreeMap<&'static str, i64>,
    words: BTreeMap<&'static str, String>,
}

impl Supply {
    fn read(folder: &Path, failures: &mut Failures) -> Self {
        let mut supply = Self::default();
        for file in failures.note(attribute::files(folder).map(Some)).unwrap_or_default() {
            let path = folder.join(&file);
            if let Some((file, ..)) = NUMBERS.iter().find(|(known, ..)| *known == file) {
                supply.numbers.extend(failures.note(attribute::number(&path)).map(|number| (*file, number)));
            } else if let Some(file) = WORDS.iter().find(|known| **known == file) {
                supply
                    .words
                    .extend(failures.note(attribute::text(&path)).map(|word| (*file, word.trim().into())));
            }
        }
        supply
    }

    fn number(&self, file: &str) -> Option<f64> {
        self.numbers.get(file).map(|number| *number as f64)
    }

    fn word(&self, file: &str) -> &str {
        self.words.get(file).map_or("", String::as_str)
    }

    fn tell(&self, name: &str, out: &mut Builder) {
        for (file, family, divisor) in NUMBERS {
            if let Some(number) = self.number(file) {
                out.push(family, &[name], number / divisor);
            }
        }
        let mut labels = vec![name];
        labels.extend(WORDS.map(|file| self.word(file)));
        out.push(&families::INFO, &labels, 1.0);
        if let ("Mains", Some(online)) = (self.word("type"), self.number("online")) {
            out.push(&families::AC_ONLINE, &[name], f64::from(u8::from(online != 0.0)));
        }
    }

    fn tell_battery(&self, name: &str, out: &mut Builder) {
        if self.word("type") != "Battery" || self.number("present") == Some(0.0) {
            return;
        }
        if let (Some(direction), Some(watts)) = (self.direction(), self.watts()) {
            out.push(&families::BATTERY_POWER_WATTS, &[name, direction], watts);
        }
        for (kind, file) in
            [("now", "energy_now"), ("full", "energy_full"), ("full_design", "energy_full_design")]
        {
            if let Some(energy) = self.number(file) {
                let joules = energy * JOULES_PER_MICROWATT_HOUR;
                out.push(&families::BATTERY_ENERGY_JOULES, &[name, kind], joules);
            }
        }
        if let Some(percent) = self.number("capacity") {
            out.push(&families::BATTERY_CHARGE_RATIO, &[name], percent / 100.0);
        }
        if let Some(ratio) = self.health() {
            out.push(&families::BATTERY_HEALTH_RATIO, &[name], ratio);
        }
    }

    fn direction(&self) -> Option<&'static str> {
        match self.word("status") {
            "Charging" => Some("charge"),
            "Discharging" => Some("discharge"),
            _ => None,
        }
    }

    /// As it says, or what its current and its voltage make.
    fn watts(&self) -> Option<f64> {
        let told = self.number("power_now").map(|microwatts| microwatts.abs() / 1e6);
        told.or_else(|| {
            let (current, voltage) = (self.number("current_now")?, self.number("voltage_now")?);
            Some(current.abs() * voltage / 1e12)
        })
    }

    fn health(&self) -> Option<f64> {
        let ratio = |full: &str, design: &str| {
            let design = self.number(design).filter(|design| *design > 0.0)?;
            Some(self.number(full)? / design)
        };
        ratio("energy_full", "energy_full_design").or_else(|| ratio("charge_full", "charge_full_design"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::collector::Failure;
    use crate::collector::attribute::tests::{lines, write};

    fn host(supplies: &[(&str, &[(&str, &str)])]) -> (TempDir, PowerSupply) {
        let host = tempfile::tempdir().unwrap();
        for (name, files) in supplies {
            for (file, text) in *files {
                write(host.path(), &[(&format!("class/power_supply/{name}/{file}"), text)]);
            }
        }
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let supply = PowerSupply::new(&roots);
        (host, supply)
    }

    /// What `odin_*` has, without the prefix.
    fn own(supplies: &[(&str, &[(&str, &str)])]) -> Vec<String> {
        let (_host, mut supply) = host(supplies);
        let mut out = Builder::new();
        supply.collect(&mut out).unwrap();
        lines(out).iter().filter_map(|line| Some(line.strip_prefix("odin_")?.into())).collect()
    }

    #[test]
    fn a_battery_tells_of_energy_and_of_the_direction_that_its_status_names() {
        let battery: &[(&str, &str)] = &[
            ("type", "Battery\n"),
            ("status", "Discharging\n"),
            ("present", "1\n"),
            ("capacity", "81\n"),
            ("energy_now", "36000000\n"),
            ("energy_full", "45000000\n"),
            ("energy_full_design", "50000000\n"),
            ("power_now", "5002000\n"),
            // Of no use beside a power that is told.
            ("current_now", "9000000\n"),
            ("voltage_now", "11660000\n"),
        ];
        assert_eq!(
            own(&[("BAT0", battery)]),
            [
                r#"battery_charge_ratio{power_supply="BAT0"} 0.81"#,
                r#"battery_energy_joules{power_supply="BAT0",kind="full"} 162000"#,
                r#"battery_energy_joules{power_supply="BAT0",kind="full_design"} 180000"#,
                r#"battery_energy_joules{power_supply="BAT0",kind="now"} 129600"#,
                r#"battery_health_ratio{power_supply="BAT0"} 0.9"#,
                r#"battery_power_watts{power_supply="BAT0",direction="discharge"} 5.002"#,
            ]
        );
    }

    #[test]
    fn a_battery_that_counts_charge_has_no_energy_and_the_sign_of_its_current_says_nothing() {
        let battery = |status, current| {
            own(&[(
                "macsmc",
                &[
                    ("type", "Battery"),
                    ("status", status),
                    ("charge_now", "2000000"),
                    ("charge_full", "4000000"),
                    ("charge_full_design", "5000000"),
                    ("current_now", current),
                    ("voltage_now", "12000000"),
                ],
            )])
        };
        let health = r#"battery_health_ratio{power_supply="macsmc"} 0.8"#;
        assert_eq!(
            battery("Discharging", "-1500000"),
            [health, r#"battery_power_watts{power_supply="macsmc",direction="discharge"} 18"#]
        );
        assert_eq!(
            battery("Charging", "1500000"),
            [health, r#"battery_power_watts{power_supply="macsmc",direction="charge"} 18"#]
        );
        for status in ["Full", "Not charging", "Unknown"] {
            assert_eq!(battery(status, "0"), [health]);
        }
    }

    #[test]
    fn nothing_is_made_up_for_what_is_not_told() {
        let empty: &[(&str, &str)] = &[("type", "Battery"), ("present", "0"), ("energy_full", "1000000")];
        let mute: &[(&str, &str)] = &[
            ("type", "Battery"),
            ("status", "Discharging"),
            ("voltage_now", "12000000"),
            ("charge_full", "1"),
            ("charge_full_design", "0"),
        ];
        let mains: &[(&str, &str)] = &[("type", "Mains"), ("online", "1")];
        let usb: &[(&str, &str)] = &[("type", "USB"), ("online", "1")];
        assert_eq!(
            own(&[
                ("BAT1", empty),
                ("BAT2", mute),
                ("ACAD", mains),
                ("ucsi", usb),
                ("bare", &[("uevent", "")])
            ]),
            [r#"ac_online{power_supply="ACAD"} 1"#]
        );
    }

    #[test]
    fn one_file_that_fails_leaves_the_others() {
        let files: &[(&str, &str)] = &[
            ("type", "Battery"),
            ("temp", "305"),
            ("temp_min", "-50"),
            ("cycle_count", "many"),
            ("model_name", "A \"B\"\\C"),
        ];
        let (host, mut supply) = host(&[("BAT0", files)]);
        let battery = host.path().join("class/power_supply/BAT0");
        symlink("/proc/self/mem", battery.join("voltage_now")).unwrap();
        // A folder of the kernel's, and no attribute.
        fs::create_dir(battery.join("capacity")).unwrap();
        let mut out = Builder::new();
        let error = supply.collect(&mut out).unwrap_err();
        assert_eq!(error.failures().collect::<Vec<_>>(), [Failure::Parse, Failure::Io]);
        let lines = lines(out);
        assert!(lines[0].contains(r#"model_name="A \"B\"\\C""#), "{lines:?}");
        assert_eq!(
            lines[1..],
            [
                r#"node_power_supply_temp_celsius{power_supply="BAT0"} 30.5"#,
                r#"node_power_supply_temp_min_celsius{power_supply="BAT0"} -5"#,
            ]
        );
    }

    #[test]
    fn a_host_without_any_lacks_nothing() {
        let (_host, mut supply) = host(&[]);
        assert_eq!(supply.collect(&mut Builder::new()).unwrap_err().failure(), None);
    }
}
