//! Thermal zones and cooling devices, from `/sys/class/thermal` (`Documentation/driver-api/thermal/sysfs-api.rst`).

use std::path::PathBuf;

use super::attribute::{self, Failures};
use super::{Collector, Error};
use crate::config::Roots;
use crate::metrics::families::thermal_zone::{COOLING_CUR_STATE, COOLING_MAX_STATE, ZONE_TEMP};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "thermal_zone";

/// What the kernel has for a zone that was never measured (`THERMAL_TEMP_INVALID`).
const NEVER_MEASURED: i64 = -274_000;

pub struct Thermal {
    class: PathBuf,
}

impl Thermal {
    pub fn new(roots: &Roots) -> Self {
        Self { class: roots.sys.join("class/thermal") }
    }
}

impl Collector for Thermal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let names = attribute::devices(&self.class)?;
        let mut failures = Failures::default();
        for name in &names {
            if let Some(zone) = name.strip_prefix("thermal_zone") {
                self.tell_zone(name, zone, out, &mut failures);
            } else if let Some(device) = name.strip_prefix("cooling_device") {
                self.tell_device(name, device, out, &mut failures);
            }
        }
        failures.end()
    }
}

impl Thermal {
    fn tell_zone(&self, folder: &str, zone: &str, out: &mut Builder, failures: &mut Failures) {
        let file = |name: &str| self.class.join(folder).join(name);
        let Some(kind) = failures.note(attribute::text(&file("type"))) else { return };
        let temp = failures.note(attribute::number::<i64>(&file("temp")));
        if let Some(temp) = temp.filter(|temp| *temp > NEVER_MEASURED) {
            out.push(&ZONE_TEMP, &[&kind, zone], temp as f64 / 1000.0);
        }
    }

    fn tell_device(&self, folder: &str, device: &str, out: &mut Builder, failures: &mut Failures) {
        let file = |name: &str| self.class.join(folder).join(name);
        let Some(kind) = failures.note(attribute::text(&file("type"))) else { return };
        for (family, name) in [(&COOLING_CUR_STATE, "cur_state"), (&COOLING_MAX_STATE, "max_state")] {
            if let Some(state) = failures.note(attribute::number::<i64>(&file(name))) {
                out.push(family, &[device, &kind], state as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::collector::Failure;
    use crate::collector::attribute::tests::{lines, write};

    #[test]
    fn zones_that_do_not_measure_are_absent_and_one_that_fails_leaves_the_others() {
        let host = tempfile::tempdir().unwrap();
        let thermal = "class/thermal";
        let mut files = vec![];
        for (zone, kind, temp) in [
            ("thermal_zone0", "x86_pkg_temp", "46000"),
            ("thermal_zone1", "iwlwifi_1", "-274000"),
            ("thermal_zone2", "acpitz", "-1500"),
            // Nobody acts on it, and yet it can be read.
            ("thermal_zone3", "free", "20000"),
            ("thermal_zone4", "odd \"one\"\\", "warm"),
            ("thermal_zone10", "acpitz", "27800"),
        ] {
            files.push((format!("{thermal}/{zone}/type"), kind));
            files.push((format!("{thermal}/{zone}/temp"), temp));
        }
        files.push((format!("{thermal}/thermal_zone3/mode"), "disabled\n"));
        files.push((format!("{thermal}/thermal_zone5/type"), "broken"));
        files.push((format!("{thermal}/cooling_device0/type"), "Processor\n"));
        files.push((format!("{thermal}/cooling_device0/cur_state"), "0\n"));
        files.push((format!("{thermal}/cooling_device0/max_state"), "3\n"));
        // A state that cannot be told now, as that of TCC offset on some machines.
        files.push((format!("{thermal}/cooling_device1/type"), "TCC Offset\n"));
        files.push((format!("{thermal}/cooling_device1/max_state"), "63\n"));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        write(host.path(), &files);
        symlink("/proc/self/mem", host.path().join(thermal).join("thermal_zone5/temp")).unwrap();

        let mut out = Builder::new();
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        let error = Thermal::new(&roots).collect(&mut out).unwrap_err();
        assert_eq!(error.failures().collect::<Vec<_>>(), [Failure::Parse, Failure::Io]);
        assert_eq!(
            lines(out),
            [
                r#"node_cooling_device_cur_state{name="0",type="Processor"} 0"#,
                r#"node_cooling_device_max_state{name="0",type="Processor"} 3"#,
                r#"node_cooling_device_max_state{name="1",type="TCC Offset"} 63"#,
                r#"node_thermal_zone_temp{type="acpitz",zone="10"} 27.8"#,
                r#"node_thermal_zone_temp{type="acpitz",zone="2"} -1.5"#,
                r#"node_thermal_zone_temp{type="free",zone="3"} 20"#,
                r#"node_thermal_zone_temp{type="x86_pkg_temp",zone="0"} 46"#,
            ]
        );
    }

    #[test]
    fn a_host_without_any_lacks_nothing() {
        let host = tempfile::tempdir().unwrap();
        let roots = Roots { sys: host.path().into(), ..Roots::default() };
        for _ in 0..2 {
            let error = Thermal::new(&roots).collect(&mut Builder::new()).unwrap_err();
            assert_eq!(error.failure(), None);
            std::fs::create_dir_all(host.path().join("class/thermal")).unwrap();
        }
    }
}
