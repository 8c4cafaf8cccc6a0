//! How DNS servers answer.

use crate::metrics::Kind::{Counter, Histogram};

/// Bounds of probes' durations, in seconds.
pub static DURATIONS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

families! { "dns";
    PROBE_DURATION_SECONDS: Histogram(DURATIONS), "odin_dns_probe_duration_seconds",
        [probe, server, transport("udp,tcp"), qtype], "seconds",
        "Duration of a probe; a timeout lands in +Inf; at most 4 servers, taken from the host's resolver \
         configuration";
    PROBES: Counter, "odin_dns_probes_total",
        [probe, server, result("noerror,nxdomain,servfail,refused,timeout,truncated,badreply,neterr")],
        "probes", "Probes by result; external names only by opt-in";
}
