//! How much energy the processors take, and what limits them.

use crate::metrics::Kind::{Counter, Gauge};

families! { "rapl";
    ENERGY_JOULES: Counter, "odin_power_energy_joules_total",
        [domain("package,core,uncore,dram,psys"), zone, source("rapl,rapl_mmio")], "joules",
        "Energy with counter wrap corrected; zone is the index path like 0 or 0:1; domains overlap: \
         never sum over them";
    ENERGY_GAPS: Counter, "odin_power_energy_gaps_total", [zone], "gaps",
        "Polls too late to exclude a wrap; the delta was dropped, not guessed";
    LIMIT_WATTS: Gauge, "odin_power_limit_watts",
        [zone, constraint("long_term,short_term,peak_power,other")], "watts",
        "Power limit";
    LIMIT_WINDOW_SECONDS: Gauge, "odin_power_limit_window_seconds",
        [zone, constraint("long_term,short_term,peak_power,other")], "seconds",
        "Time window of the limit";
    RAW_PACKAGE_JOULES: Counter, "node_rapl_package_joules_total", [index, path], "joules",
        "Current RAPL package value in joules; raw, a wrap looks like a reset: use \
         odin_power_energy_joules_total";
    RAW_CORE_JOULES: Counter, "node_rapl_core_joules_total", [index, path], "joules",
        "Current RAPL core value in joules; raw, a wrap looks like a reset: use \
         odin_power_energy_joules_total";
    RAW_UNCORE_JOULES: Counter, "node_rapl_uncore_joules_total", [index, path], "joules",
        "Current RAPL uncore value in joules; raw, a wrap looks like a reset: use \
         odin_power_energy_joules_total";
    RAW_DRAM_JOULES: Counter, "node_rapl_dram_joules_total", [index, path], "joules",
        "Current RAPL dram value in joules; raw, a wrap looks like a reset: use \
         odin_power_energy_joules_total";
    RAW_PSYS_JOULES: Counter, "node_rapl_psys_joules_total", [index, path], "joules",
        "Current RAPL psys value in joules; raw, a wrap looks like a reset: use \
         odin_power_energy_joules_total";
}
