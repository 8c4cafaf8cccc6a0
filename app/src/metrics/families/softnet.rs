//! Packets on their way through the CPUs, as `node_exporter` has them.

use crate::metrics::Kind::{Counter, Gauge};

families! { "softnet";
    BACKLOG_LEN: Gauge, "node_softnet_backlog_len", [cpu], "packets",
        "Softnet backlog status; summed into one series above 64 CPUs";
    CPU_COLLISION: Counter, "node_softnet_cpu_collision_total", [cpu], "events",
        "Number of collision occur while obtaining device lock while transmitting; summed into one series above 64 CPUs";
    DROPPED: Counter, "node_softnet_dropped_total", [cpu], "packets",
        "Number of dropped packets; summed into one series above 64 CPUs";
    FLOW_LIMIT_COUNT: Counter, "node_softnet_flow_limit_count_total", [cpu], "events",
        "Number of times flow limit has been reached; summed into one series above 64 CPUs";
    PROCESSED: Counter, "node_softnet_processed_total", [cpu], "packets",
        "Number of processed packets; summed into one series above 64 CPUs";
    RECEIVED_RPS: Counter, "node_softnet_received_rps_total", [cpu], "packets",
        "Number of times cpu woken up received_rps; summed into one series above 64 CPUs";
    TIMES_SQUEEZED: Counter, "node_softnet_times_squeezed_total", [cpu], "events",
        "Number of times processing packets ran out of quota; summed into one series above 64 CPUs";
}
