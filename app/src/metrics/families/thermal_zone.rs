//! Thermal zones, and what cools them.

use crate::metrics::Kind::Gauge;

families! { "thermal_zone";
    ZONE_TEMP: Gauge, "node_thermal_zone_temp", [type, zone], "celsius",
        "Zone temperature in Celsius; EINVAL and ENODATA zones are absent";
    COOLING_CUR_STATE: Gauge, "node_cooling_device_cur_state", [name, type], "number",
        "Current throttle state of the cooling device";
    COOLING_MAX_STATE: Gauge, "node_cooling_device_max_state", [name, type], "number",
        "Maximum throttle state of the cooling device";
}
