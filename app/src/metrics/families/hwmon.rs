//! Sensors of the machine. Drivers have files of their own besides those of the kernel's interface, and `node_exporter`
//! makes a family of each, so that these are the usual ones; others are made when they are met.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::metrics::Kind::{self, Counter, Gauge};

families! { "hwmon";
    ODIN_POWER_WATTS: Gauge, "odin_hwmon_power_watts", [chip, sensor], "watts",
        "Power sensor";
    ODIN_ENERGY_JOULES: Counter, "odin_hwmon_energy_joules_total", [chip, sensor], "joules",
        "Energy sensor";
    ODIN_READ_SECONDS: Gauge, "odin_hwmon_read_seconds", [chip], "seconds",
        "Time the last read of the chip took; deadline 250 ms per chip, then back-off";
    CPU_TEMPERATURE_CELSIUS: Gauge, "odin_cpu_temperature_celsius", [package], "celsius",
        "Package temperature";
    CHIP_NAMES: Gauge, "node_hwmon_chip_names", [chip, chip_name], "1",
        "Annotation metric for human-readable chip names";
    FAN_ALARM: Gauge, "node_hwmon_fan_alarm", [chip, sensor], "boolean",
        "Hardware sensor alarm status (fan)";
    FAN_BEEP_ENABLED: Gauge, "node_hwmon_fan_beep_enabled", [chip, sensor], "boolean",
        "Hardware monitor sensor has beeping enabled";
    FAN_MANUAL: Gauge, "node_hwmon_fan_manual", [chip, sensor], "raw",
        "Hardware monitor fan element manual";
    FAN_MAX_RPM: Gauge, "node_hwmon_fan_max_rpm", [chip, sensor], "rpm",
        "Hardware monitor for fan revolutions per minute (max)";
    FAN_MIN_RPM: Gauge, "node_hwmon_fan_min_rpm", [chip, sensor], "rpm",
        "Hardware monitor for fan revolutions per minute (min)";
    FAN_OUTPUT: Gauge, "node_hwmon_fan_output", [chip, sensor], "raw",
        "Hardware monitor fan element output";
    FAN_PULSES: Gauge, "node_hwmon_fan_pulses", [chip, sensor], "raw",
        "Hardware monitor fan element pulses";
    FAN_RPM: Gauge, "node_hwmon_fan_rpm", [chip, sensor], "rpm",
        "Hardware monitor for fan revolutions per minute (input)";
    FAN_TARGET_RPM: Gauge, "node_hwmon_fan_target_rpm", [chip, sensor], "rpm",
        "Hardware monitor for fan revolutions per minute (target)";
    FAN_TOLERANCE: Gauge, "node_hwmon_fan_tolerance", [chip, sensor], "raw",
        "Hardware monitor fan element tolerance";
    FREQ_FREQ_MHZ: Gauge, "node_hwmon_freq_freq_mhz", [chip, sensor], "megahertz (name of node_exporter)",
        "Hardware monitor for GPU frequency in MHz";
    IN_ALARM: Gauge, "node_hwmon_in_alarm", [chip, sensor], "boolean",
        "Hardware sensor alarm status (in)";
    IN_BEEP_ENABLED: Gauge, "node_hwmon_in_beep_enabled", [chip, sensor], "boolean",
        "Hardware monitor sensor has beeping enabled";
    IN_MAX_VOLTS: Gauge, "node_hwmon_in_max_volts", [chip, sensor], "volts",
        "Hardware monitor for voltage (max)";
    IN_MIN_VOLTS: Gauge, "node_hwmon_in_min_volts", [chip, sensor], "volts",
        "Hardware monitor for voltage (min)";
    IN_VOLTS: Gauge, "node_hwmon_in_volts", [chip, sensor], "volts",
        "Hardware monitor for voltage (input)";
    INTRUSION_ALARM: Gauge, "node_hwmon_intrusion_alarm", [chip, sensor], "boolean",
        "Hardware sensor alarm status (intrusion)";
    INTRUSION_BEEP_ENABLED: Gauge, "node_hwmon_intrusion_beep_enabled", [chip, sensor], "boolean",
        "Hardware monitor sensor has beeping enabled";
    PWM_AUTO_POINT1_PWM: Gauge, "node_hwmon_pwm_auto_point1_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point1_pwm";
    PWM_AUTO_POINT1_TEMP: Gauge, "node_hwmon_pwm_auto_point1_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point1_temp";
    PWM_AUTO_POINT2_PWM: Gauge, "node_hwmon_pwm_auto_point2_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point2_pwm";
    PWM_AUTO_POINT2_TEMP: Gauge, "node_hwmon_pwm_auto_point2_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point2_temp";
    PWM_AUTO_POINT3_PWM: Gauge, "node_hwmon_pwm_auto_point3_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point3_pwm";
    PWM_AUTO_POINT3_TEMP: Gauge, "node_hwmon_pwm_auto_point3_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point3_temp";
    PWM_AUTO_POINT4_PWM: Gauge, "node_hwmon_pwm_auto_point4_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point4_pwm";
    PWM_AUTO_POINT4_TEMP: Gauge, "node_hwmon_pwm_auto_point4_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point4_temp";
    PWM_AUTO_POINT5_PWM: Gauge, "node_hwmon_pwm_auto_point5_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point5_pwm";
    PWM_AUTO_POINT5_TEMP: Gauge, "node_hwmon_pwm_auto_point5_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element auto_point5_temp";
    PWM_CRIT_TEMP_TOLERANCE: Gauge, "node_hwmon_pwm_crit_temp_tolerance", [chip, sensor], "raw",
        "Hardware monitor pwm element crit_temp_tolerance";
    PWM_ENABLE: Gauge, "node_hwmon_pwm_enable", [chip, sensor], "raw",
        "Hardware monitor pwm element enable";
    PWM_FLOOR: Gauge, "node_hwmon_pwm_floor", [chip, sensor], "raw",
        "Hardware monitor pwm element floor";
    PWM_MODE: Gauge, "node_hwmon_pwm_mode", [chip, sensor], "raw",
        "Hardware monitor pwm element mode";
    PWM_START: Gauge, "node_hwmon_pwm_start", [chip, sensor], "raw",
        "Hardware monitor pwm element start";
    PWM_STEP_DOWN_TIME: Gauge, "node_hwmon_pwm_step_down_time", [chip, sensor], "raw",
        "Hardware monitor pwm element step_down_time";
    PWM_STEP_UP_TIME: Gauge, "node_hwmon_pwm_step_up_time", [chip, sensor], "raw",
        "Hardware monitor pwm element step_up_time";
    PWM_STOP_TIME: Gauge, "node_hwmon_pwm_stop_time", [chip, sensor], "raw",
        "Hardware monitor pwm element stop_time";
    PWM_TARGET_TEMP: Gauge, "node_hwmon_pwm_target_temp", [chip, sensor], "raw",
        "Hardware monitor pwm element target_temp";
    PWM_TEMP_SEL: Gauge, "node_hwmon_pwm_temp_sel", [chip, sensor], "raw",
        "Hardware monitor pwm element temp_sel";
    PWM_TEMP_TOLERANCE: Gauge, "node_hwmon_pwm_temp_tolerance", [chip, sensor], "raw",
        "Hardware monitor pwm element temp_tolerance";
    PWM_WEIGHT_DUTY_BASE: Gauge, "node_hwmon_pwm_weight_duty_base", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_duty_base";
    PWM_WEIGHT_DUTY_STEP: Gauge, "node_hwmon_pwm_weight_duty_step", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_duty_step";
    PWM_WEIGHT_TEMP_SEL: Gauge, "node_hwmon_pwm_weight_temp_sel", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_temp_sel";
    PWM_WEIGHT_TEMP_STEP: Gauge, "node_hwmon_pwm_weight_temp_step", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_temp_step";
    PWM_WEIGHT_TEMP_STEP_BASE: Gauge, "node_hwmon_pwm_weight_temp_step_base", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_temp_step_base";
    PWM_WEIGHT_TEMP_STEP_TOL: Gauge, "node_hwmon_pwm_weight_temp_step_tol", [chip, sensor], "raw",
        "Hardware monitor pwm element weight_temp_step_tol";
    SENSOR_LABEL: Gauge, "node_hwmon_sensor_label", [chip, label, sensor], "1",
        "Label for given chip and sensor";
    TEMP_CELSIUS: Gauge, "node_hwmon_temp_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (input)";
    TEMP_CRIT_ALARM_CELSIUS: Gauge, "node_hwmon_temp_crit_alarm_celsius",
        [chip, sensor], "boolean (name of node_exporter)",
        "Hardware monitor for temperature (crit_alarm)";
    TEMP_CRIT_CELSIUS: Gauge, "node_hwmon_temp_crit_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (crit)";
    TEMP_MAX_CELSIUS: Gauge, "node_hwmon_temp_max_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (max)";
    TEMP_MIN_CELSIUS: Gauge, "node_hwmon_temp_min_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (min)";
    TEMP_CRIT_HYST_CELSIUS: Gauge, "node_hwmon_temp_crit_hyst_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (crit_hyst)";
    TEMP_MAX_HYST_CELSIUS: Gauge, "node_hwmon_temp_max_hyst_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (max_hyst)";
    TEMP_LCRIT_CELSIUS: Gauge, "node_hwmon_temp_lcrit_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (lcrit)";
    TEMP_EMERGENCY_CELSIUS: Gauge, "node_hwmon_temp_emergency_celsius", [chip, sensor], "celsius",
        "Hardware monitor for temperature (emergency)";
    TEMP_ALARM: Gauge, "node_hwmon_temp_alarm", [chip, sensor], "boolean",
        "Hardware monitor for temperature alarm";
    TEMP_FAULT: Gauge, "node_hwmon_temp_fault", [chip, sensor], "boolean",
        "Hardware monitor for temperature sensor fault";
    FAN_FAULT: Gauge, "node_hwmon_fan_fault", [chip, sensor], "boolean",
        "Hardware monitor for fan fault";
    IN_CRIT_VOLTS: Gauge, "node_hwmon_in_crit_volts", [chip, sensor], "volts",
        "Hardware monitor for voltage (crit)";
    IN_LCRIT_VOLTS: Gauge, "node_hwmon_in_lcrit_volts", [chip, sensor], "volts",
        "Hardware monitor for voltage (lcrit)";
    CURR_AMPS: Gauge, "node_hwmon_curr_amps", [chip, sensor], "amperes",
        "Hardware monitor for current (input)";
    CURR_MAX_AMPS: Gauge, "node_hwmon_curr_max_amps", [chip, sensor], "amperes",
        "Hardware monitor for current (max)";
    CURR_CRIT_AMPS: Gauge, "node_hwmon_curr_crit_amps", [chip, sensor], "amperes",
        "Hardware monitor for current (crit)";
    CURR_MIN_AMPS: Gauge, "node_hwmon_curr_min_amps", [chip, sensor], "amperes",
        "Hardware monitor for current (min)";
    POWER_WATT: Gauge, "node_hwmon_power_watt", [chip, sensor], "watts",
        "Hardware monitor for power (input)";
    POWER_AVERAGE_WATT: Gauge, "node_hwmon_power_average_watt", [chip, sensor], "watts",
        "Hardware monitor for power (average)";
    POWER_CAP_WATT: Gauge, "node_hwmon_power_cap_watt", [chip, sensor], "watts",
        "Hardware monitor for power (cap)";
    POWER_MAX_WATT: Gauge, "node_hwmon_power_max_watt", [chip, sensor], "watts",
        "Hardware monitor for power (max)";
    POWER_CRIT_WATT: Gauge, "node_hwmon_power_crit_watt", [chip, sensor], "watts",
        "Hardware monitor for power (crit)";
    HUMIDITY: Gauge, "node_hwmon_humidity", [chip, sensor], "ratio",
        "Hardware monitor for humidity";
    BEEP_ENABLED: Gauge, "node_hwmon_beep_enabled", [chip, sensor], "boolean",
        "Hardware monitor for beeping";
    VOLTAGE_REGULATOR_VERSION: Gauge, "node_hwmon_voltage_regulator_version", [chip, sensor], "number",
        "Hardware monitor for voltage regulator version";
    UPDATE_INTERVAL_SECONDS: Gauge, "node_hwmon_update_interval_seconds", [chip, sensor], "seconds",
        "Hardware monitor for update interval";
    POWER_ACCURACY: Gauge, "node_hwmon_power_accuracy", [chip, sensor], "ratio",
        "Hardware monitor for power meter accuracy";
    POWER_AVERAGE_INTERVAL_SECONDS: Gauge, "node_hwmon_power_average_interval_seconds",
        [chip, sensor], "seconds",
        "Hardware monitor for power averaging interval";
    ENERGY_JOULE: Counter, "node_hwmon_energy_joule_total", [chip, sensor], "joules",
        "Hardware monitor for joules used so far (input)";
    PWM: Gauge, "node_hwmon_pwm", [chip, sensor], "raw",
        "Hardware monitor pwm element";
}

/// What drivers can add to the table at most.
const MOST_LEARNED: usize = 256;

/// Ends of names that mean something else than a gauge.
const RESERVED: [&str; 6] = ["_total", "_info", "_created", "_bucket", "_count", "_sum"];

/// The table and what was added to it, by name.
static KNOWN: LazyLock<Mutex<BTreeMap<&'static str, &'static Family>>> =
    LazyLock::new(|| Mutex::new(ALL.iter().map(|family| (family.name, *family)).collect()));

/// The family of a chip's sensors that has the name. One that is new stays for as long as the program runs. None: it
/// cannot be added.
pub fn named(name: &str, kind: Kind, help: impl FnOnce() -> String) -> Option<&'static Family> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(family) = known.get(name) {
        return Some(*family).filter(|family| family.kind == kind);
    }
    let is_reserved = RESERVED.iter().any(|end| name.ends_with(end));
    if known.len() >= ALL.len() + MOST_LEARNED || (kind == Gauge && is_reserved) {
        return None;
    }
    let name: &'static str = name.to_owned().leak();
    let help = help().leak();
    let family: &'static Family = Box::leak(Box::new(Family { name, kind, unit: "raw", help, ..PWM }));
    known.insert(name, family);
    Some(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_adds_families_but_none_that_would_spoil_a_page() {
        let help = || "Hardware monitor fan element weight".to_owned();
        assert_eq!(named("node_hwmon_pwm", Gauge, help), Some(&PWM));
        let added = named("node_hwmon_fan_weight", Gauge, help).unwrap();
        assert_eq!((added.name, added.labels), ("node_hwmon_fan_weight", PWM.labels));
        assert_eq!(added.help, help());
        assert!(std::ptr::eq(added, named("node_hwmon_fan_weight", Gauge, String::new).unwrap()));
        assert_eq!(named("node_hwmon_fan_weight", Counter, help), None);
        for name in ["node_hwmon_fan_total", "node_hwmon_in_info", "node_hwmon_fan_count"] {
            assert_eq!(named(name, Gauge, help), None);
        }
    }
}
