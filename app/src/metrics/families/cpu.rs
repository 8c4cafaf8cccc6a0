//! What the CPUs spend their time on, as `node_exporter` has it.

use crate::metrics::Kind::{Counter, Gauge};

families! { "cpu";
    SECONDS: Counter, "node_cpu_seconds_total",
        [cpu, mode("user,nice,system,idle,iowait,irq,softirq,steal")], "seconds",
        "Seconds the CPUs spent in each mode";
    GUEST_SECONDS: Counter, "node_cpu_guest_seconds_total", [cpu, mode("user,nice")], "seconds",
        "Seconds the CPUs spent in guests (VMs) for each mode";
    FREQUENCY_HERTZ: Gauge, "node_cpu_frequency_hertz", [core, cpu, package], "hertz",
        "CPU frequency in hertz from /proc/cpuinfo";
    ISOLATED: Gauge, "node_cpu_isolated", [cpu], "boolean",
        "Whether each core is isolated, information from /sys/devices/system/cpu/isolated";
}
