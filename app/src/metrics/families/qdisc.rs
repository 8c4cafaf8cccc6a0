//! Queues of interfaces, as `node_exporter` has them.

use crate::metrics::Kind::{Counter, Gauge};

families! { "qdisc";
    BACKLOG: Gauge, "node_qdisc_backlog", [device, kind], "bytes",
        "Number of bytes currently in queue to be sent; opt-in";
    BYTES: Counter, "node_qdisc_bytes_total", [device, kind], "bytes", "Number of bytes sent; opt-in";
    CURRENT_QUEUE_LENGTH: Gauge, "node_qdisc_current_queue_length", [device, kind], "packets",
        "Number of packets currently in queue to be sent; opt-in";
    DROPS: Counter, "node_qdisc_drops_total", [device, kind], "packets", "Number of packets dropped; opt-in";
    OVERLIMITS: Counter, "node_qdisc_overlimits_total", [device, kind], "packets",
        "Number of overlimit packets; opt-in";
    PACKETS: Counter, "node_qdisc_packets_total", [device, kind], "packets",
        "Number of packets sent; opt-in";
    REQUEUES: Counter, "node_qdisc_requeues_total", [device, kind], "packets",
        "Number of packets dequeued, not transmitted, and requeued; opt-in";
}
