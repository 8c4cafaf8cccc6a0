//! The clock, as `node_exporter` has it.

use crate::metrics::Kind::Gauge;

families! { "time";
    TIME_SECONDS: Gauge, "node_time_seconds", [], "seconds", "System time in seconds since epoch (1970)";
}
