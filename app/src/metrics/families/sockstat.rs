//! Sockets in use, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "sockstat";
    FRAG6_INUSE: Gauge, "node_sockstat_FRAG6_inuse", [], "sockets", "Number of FRAG6 sockets in state inuse";
    FRAG6_MEMORY: Gauge, "node_sockstat_FRAG6_memory", [], "bytes", "Number of FRAG6 sockets in state memory";
    FRAG_INUSE: Gauge, "node_sockstat_FRAG_inuse", [], "sockets", "Number of FRAG sockets in state inuse";
    FRAG_MEMORY: Gauge, "node_sockstat_FRAG_memory", [], "bytes", "Number of FRAG sockets in state memory";
    RAW6_INUSE: Gauge, "node_sockstat_RAW6_inuse", [], "sockets", "Number of RAW6 sockets in state inuse";
    RAW_INUSE: Gauge, "node_sockstat_RAW_inuse", [], "sockets", "Number of RAW sockets in state inuse";
    TCP6_INUSE: Gauge, "node_sockstat_TCP6_inuse", [], "sockets", "Number of TCP6 sockets in state inuse";
    TCP_ALLOC: Gauge, "node_sockstat_TCP_alloc", [], "sockets", "Number of TCP sockets in state alloc";
    TCP_INUSE: Gauge, "node_sockstat_TCP_inuse", [], "sockets", "Number of TCP sockets in state inuse";
    TCP_MEM: Gauge, "node_sockstat_TCP_mem", [], "pages", "Number of TCP sockets in state mem";
    TCP_MEM_BYTES: Gauge, "node_sockstat_TCP_mem_bytes", [], "bytes",
        "Number of TCP sockets in state mem_bytes";
    TCP_ORPHAN: Gauge, "node_sockstat_TCP_orphan", [], "sockets", "Number of TCP sockets in state orphan";
    TCP_TW: Gauge, "node_sockstat_TCP_tw", [], "sockets", "Number of TCP sockets in state tw";
    UDP6_INUSE: Gauge, "node_sockstat_UDP6_inuse", [], "sockets", "Number of UDP6 sockets in state inuse";
    UDPLITE6_INUSE: Gauge, "node_sockstat_UDPLITE6_inuse", [], "sockets",
        "Number of UDPLITE6 sockets in state inuse";
    UDPLITE_INUSE: Gauge, "node_sockstat_UDPLITE_inuse", [], "sockets",
        "Number of UDPLITE sockets in state inuse";
    UDP_INUSE: Gauge, "node_sockstat_UDP_inuse", [], "sockets", "Number of UDP sockets in state inuse";
    UDP_MEM: Gauge, "node_sockstat_UDP_mem", [], "pages", "Number of UDP sockets in state mem";
    UDP_MEM_BYTES: Gauge, "node_sockstat_UDP_mem_bytes", [], "bytes",
        "Number of UDP sockets in state mem_bytes";
    SOCKETS_USED: Gauge, "node_sockstat_sockets_used", [], "sockets", "Number of IPv4 sockets in use";
}
