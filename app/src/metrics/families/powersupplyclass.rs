//! Batteries and mains.

use crate::metrics::Kind::Gauge;

families! { "powersupplyclass";
    BATTERY_POWER_WATTS: Gauge, "odin_battery_power_watts",
        [power_supply, direction("charge,discharge")], "watts",
        "Battery power; only the direction that the status names is present";
    BATTERY_ENERGY_JOULES: Gauge, "odin_battery_energy_joules",
        [power_supply, kind("now,full,full_design")], "joules",
        "Battery energy; absent where the battery reports charge only";
    BATTERY_CHARGE_RATIO: Gauge, "odin_battery_charge_ratio", [power_supply], "ratio",
        "How full the battery is, as it says itself";
    BATTERY_HEALTH_RATIO: Gauge, "odin_battery_health_ratio", [power_supply], "ratio",
        "What a full battery holds, by what it was designed to hold; of energy, else of charge";
    AC_ONLINE: Gauge, "odin_ac_online", [power_supply], "boolean",
        "1 when mains power is connected";
    AUTHENTIC: Gauge, "node_power_supply_authentic", [power_supply], "boolean",
        "authentic value of /sys/class/power_supply/<power_supply>";
    CALIBRATE: Gauge, "node_power_supply_calibrate", [power_supply], "boolean",
        "calibrate value of /sys/class/power_supply/<power_supply>";
    CAPACITY: Gauge, "node_power_supply_capacity", [power_supply], "percent (name of node_exporter)",
        "capacity value of /sys/class/power_supply/<power_supply>";
    CAPACITY_ALERT_MAX: Gauge, "node_power_supply_capacity_alert_max",
        [power_supply], "percent (name of node_exporter)",
        "capacity_alert_max value of /sys/class/power_supply/<power_supply>";
    CAPACITY_ALERT_MIN: Gauge, "node_power_supply_capacity_alert_min",
        [power_supply], "percent (name of node_exporter)",
        "capacity_alert_min value of /sys/class/power_supply/<power_supply>";
    CYCLECOUNT: Gauge, "node_power_supply_cyclecount", [power_supply], "cycles",
        "cyclecount value of /sys/class/power_supply/<power_supply>";
    ONLINE: Gauge, "node_power_supply_online", [power_supply], "boolean",
        "online value of /sys/class/power_supply/<power_supply>";
    PRESENT: Gauge, "node_power_supply_present", [power_supply], "boolean",
        "present value of /sys/class/power_supply/<power_supply>";
    TIME_TO_EMPTY_SECONDS: Gauge, "node_power_supply_time_to_empty_seconds", [power_supply], "seconds",
        "time_to_empty_seconds value of /sys/class/power_supply/<power_supply>";
    TIME_TO_FULL_SECONDS: Gauge, "node_power_supply_time_to_full_seconds", [power_supply], "seconds",
        "time_to_full_seconds value of /sys/class/power_supply/<power_supply>";
    CURRENT_BOOT: Gauge, "node_power_supply_current_boot", [power_supply], "amperes",
        "current_boot value of /sys/class/power_supply/<power_supply>";
    CURRENT_MAX: Gauge, "node_power_supply_current_max", [power_supply], "amperes",
        "current_max value of /sys/class/power_supply/<power_supply>";
    CURRENT_AMPERE: Gauge, "node_power_supply_current_ampere", [power_supply], "amperes",
        "current_ampere value of /sys/class/power_supply/<power_supply>";
    CHARGE_TERM_CURRENT: Gauge, "node_power_supply_charge_term_current", [power_supply], "amperes",
        "charge_term_current value of /sys/class/power_supply/<power_supply>";
    CONSTANT_CHARGE_CURRENT: Gauge, "node_power_supply_constant_charge_current", [power_supply], "amperes",
        "constant_charge_current value of /sys/class/power_supply/<power_supply>";
    CONSTANT_CHARGE_CURRENT_MAX: Gauge, "node_power_supply_constant_charge_current_max",
        [power_supply], "amperes",
        "constant_charge_current_max value of /sys/class/power_supply/<power_supply>";
    PRECHARGE_CURRENT: Gauge, "node_power_supply_precharge_current", [power_supply], "amperes",
        "precharge_current value of /sys/class/power_supply/<power_supply>";
    INPUT_CURRENT_LIMIT: Gauge, "node_power_supply_input_current_limit", [power_supply], "amperes",
        "input_current_limit value of /sys/class/power_supply/<power_supply>";
    ENERGY_EMPTY: Gauge, "node_power_supply_energy_empty",
        [power_supply], "watt-hours (name of node_exporter)",
        "energy_empty value of /sys/class/power_supply/<power_supply>";
    ENERGY_EMPTY_DESIGN: Gauge, "node_power_supply_energy_empty_design",
        [power_supply], "watt-hours (name of node_exporter)",
        "energy_empty_design value of /sys/class/power_supply/<power_supply>";
    ENERGY_FULL: Gauge, "node_power_supply_energy_full", [power_supply], "watt-hours (name of node_exporter)",
        "energy_full value of /sys/class/power_supply/<power_supply>";
    ENERGY_FULL_DESIGN: Gauge, "node_power_supply_energy_full_design",
        [power_supply], "watt-hours (name of node_exporter)",
        "energy_full_design value of /sys/class/power_supply/<power_supply>";
    ENERGY_WATTHOUR: Gauge, "node_power_supply_energy_watthour",
        [power_supply], "watt-hours (name of node_exporter)",
        "energy_watthour value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_BOOT: Gauge, "node_power_supply_voltage_boot", [power_supply], "volts",
        "voltage_boot value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_MAX: Gauge, "node_power_supply_voltage_max", [power_supply], "volts",
        "voltage_max value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_MAX_DESIGN: Gauge, "node_power_supply_voltage_max_design", [power_supply], "volts",
        "voltage_max_design value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_MIN: Gauge, "node_power_supply_voltage_min", [power_supply], "volts",
        "voltage_min value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_MIN_DESIGN: Gauge, "node_power_supply_voltage_min_design", [power_supply], "volts",
        "voltage_min_design value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_VOLT: Gauge, "node_power_supply_voltage_volt", [power_supply], "volts",
        "voltage_volt value of /sys/class/power_supply/<power_supply>";
    VOLTAGE_OCV: Gauge, "node_power_supply_voltage_ocv", [power_supply], "volts",
        "voltage_ocv value of /sys/class/power_supply/<power_supply>";
    CONSTANT_CHARGE_VOLTAGE: Gauge, "node_power_supply_constant_charge_voltage", [power_supply], "volts",
        "constant_charge_voltage value of /sys/class/power_supply/<power_supply>";
    CONSTANT_CHARGE_VOLTAGE_MAX: Gauge, "node_power_supply_constant_charge_voltage_max",
        [power_supply], "volts",
        "constant_charge_voltage_max value of /sys/class/power_supply/<power_supply>";
    CHARGE_COUNTER: Gauge, "node_power_supply_charge_counter",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_counter value of /sys/class/power_supply/<power_supply>";
    CHARGE_EMPTY: Gauge, "node_power_supply_charge_empty",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_empty value of /sys/class/power_supply/<power_supply>";
    CHARGE_EMPTY_DESIGN: Gauge, "node_power_supply_charge_empty_design",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_empty_design value of /sys/class/power_supply/<power_supply>";
    CHARGE_FULL: Gauge, "node_power_supply_charge_full",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_full value of /sys/class/power_supply/<power_supply>";
    CHARGE_FULL_DESIGN: Gauge, "node_power_supply_charge_full_design",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_full_design value of /sys/class/power_supply/<power_supply>";
    CHARGE_AMPERE: Gauge, "node_power_supply_charge_ampere",
        [power_supply], "ampere-hours (name of node_exporter)",
        "charge_ampere value of /sys/class/power_supply/<power_supply>";
    CHARGE_CONTROL_LIMIT: Gauge, "node_power_supply_charge_control_limit", [power_supply], "raw",
        "charge_control_limit value of /sys/class/power_supply/<power_supply>";
    CHARGE_CONTROL_LIMIT_MAX: Gauge, "node_power_supply_charge_control_limit_max", [power_supply], "raw",
        "charge_control_limit_max value of /sys/class/power_supply/<power_supply>";
    POWER_WATT: Gauge, "node_power_supply_power_watt", [power_supply], "watts",
        "power_watt value of /sys/class/power_supply/<power_supply>";
    TEMP_CELSIUS: Gauge, "node_power_supply_temp_celsius", [power_supply], "celsius",
        "temp_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_ALERT_MAX_CELSIUS: Gauge, "node_power_supply_temp_alert_max_celsius", [power_supply], "celsius",
        "temp_alert_max_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_ALERT_MIN_CELSIUS: Gauge, "node_power_supply_temp_alert_min_celsius", [power_supply], "celsius",
        "temp_alert_min_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_AMBIENT_CELSIUS: Gauge, "node_power_supply_temp_ambient_celsius", [power_supply], "celsius",
        "temp_ambient_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_AMBIENT_MAX_CELSIUS: Gauge, "node_power_supply_temp_ambient_max_celsius", [power_supply], "celsius",
        "temp_ambient_max_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_AMBIENT_MIN_CELSIUS: Gauge, "node_power_supply_temp_ambient_min_celsius", [power_supply], "celsius",
        "temp_ambient_min_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_MAX_CELSIUS: Gauge, "node_power_supply_temp_max_celsius", [power_supply], "celsius",
        "temp_max_celsius value of /sys/class/power_supply/<power_supply>";
    TEMP_MIN_CELSIUS: Gauge, "node_power_supply_temp_min_celsius", [power_supply], "celsius",
        "temp_min_celsius value of /sys/class/power_supply/<power_supply>";
    INFO: Gauge, "node_power_supply_info",
        [power_supply, capacity_level, charge_type, health, manufacturer, model_name, serial_number, status,
         technology, type, usb_type, scope], "1",
        "info of /sys/class/power_supply/<power_supply>; only the labels that the supply has";
}
