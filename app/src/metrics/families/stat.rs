//! The kernel's own counts, as `node_exporter` has them.

use crate::metrics::Kind::{Counter, Gauge};

families! { "stat";
    BOOT_TIME_SECONDS: Gauge, "node_boot_time_seconds", [], "seconds", "Node boot time, in unixtime";
    CONTEXT_SWITCHES: Counter, "node_context_switches_total", [], "switches",
        "Total number of context switches";
    FORKS: Counter, "node_forks_total", [], "forks", "Total number of forks";
    INTR: Counter, "node_intr_total", [], "interrupts", "Total number of interrupts serviced";
    PROCS_BLOCKED: Gauge, "node_procs_blocked", [], "processes",
        "Number of processes blocked waiting for I/O to complete";
    PROCS_RUNNING: Gauge, "node_procs_running", [], "processes", "Number of processes in runnable state";
}
