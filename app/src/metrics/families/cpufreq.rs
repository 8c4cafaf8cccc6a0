//! How fast CPUs may run, and how often heat slowed them down.

use crate::metrics::Kind::{Counter, Gauge};

families! { "cpufreq";
    SCALING_FREQUENCY_HERTZ: Gauge, "node_cpu_scaling_frequency_hertz", [cpu], "hertz",
        "Current scaled CPU thread frequency in hertz";
    SCALING_FREQUENCY_MIN_HERTZ: Gauge, "node_cpu_scaling_frequency_min_hertz", [cpu], "hertz",
        "Minimum scaled CPU thread frequency in hertz";
    SCALING_FREQUENCY_MAX_HERTZ: Gauge, "node_cpu_scaling_frequency_max_hertz", [cpu], "hertz",
        "Maximum scaled CPU thread frequency in hertz";
    SCALING_GOVERNOR: Gauge, "node_cpu_scaling_governor", [cpu, governor], "boolean",
        "Current enabled CPU frequency governor";
    FREQUENCY_MIN_HERTZ: Gauge, "node_cpu_frequency_min_hertz", [cpu], "hertz",
        "Minimum CPU thread frequency in hertz";
    FREQUENCY_MAX_HERTZ: Gauge, "node_cpu_frequency_max_hertz", [cpu], "hertz",
        "Maximum CPU thread frequency in hertz";
    CORE_THROTTLES: Counter, "node_cpu_core_throttles_total", [core, package], "throttles",
        "Number of times this CPU core has been throttled";
    PACKAGE_THROTTLES: Counter, "node_cpu_package_throttles_total", [package], "throttles",
        "Number of times this CPU package has been throttled";
}
