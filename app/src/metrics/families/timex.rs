//! How well the clock is kept, as `node_exporter` has it.

use crate::metrics::Kind::Gauge;

families! { "timex";
    OFFSET_SECONDS: Gauge, "node_timex_offset_seconds", [], "seconds",
        "Time offset between local system and reference clock; for the clock-skew alert";
    MAXERROR_SECONDS: Gauge, "node_timex_maxerror_seconds", [], "seconds", "Maximum error in seconds";
    SYNC_STATUS: Gauge, "node_timex_sync_status", [], "boolean",
        "Is clock synchronized to a reliable server (1 = yes, 0 = no)";
}
