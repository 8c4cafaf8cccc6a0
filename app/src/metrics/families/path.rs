//! The way to the gateways.

use crate::metrics::Kind::{Counter, Histogram};

/// Bounds of round trips, in seconds.
pub static ROUND_TRIPS: &[f64] = &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];

families! { "path";
    PROBE_RTT_SECONDS: Histogram(ROUND_TRIPS), "odin_path_probe_rtt_seconds",
        [target("gateway4,gateway6,<configured>")], "seconds", "Round-trip time of the probe";
    PROBE_PACKETS: Counter, "odin_path_probe_packets_total",
        [target("gateway4,gateway6,<configured>"), result("reply,timeout,unreachable,error")], "packets",
        "Probe packets by result";
}
