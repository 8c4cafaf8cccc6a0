//! Memory of UDP, as `node_exporter` has it.

use crate::metrics::Kind::Gauge;

families! { "udp_queues";
    UDP_QUEUES: Gauge, "node_udp_queues", [ip("v4,v6"), queue("tx,rx")], "bytes",
        "Number of allocated memory in the kernel for UDP datagrams in bytes";
}
