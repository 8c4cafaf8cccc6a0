//! Traffic of network interfaces, as `node_exporter` has it, and in sums of kinds.

use crate::metrics::Kind::{Counter, Gauge};

families! { "netdev";
    RECEIVE_BYTES: Counter, "node_network_receive_bytes_total", [device], "bytes",
        "Network device statistic receive_bytes";
    RECEIVE_COMPRESSED: Counter, "node_network_receive_compressed_total", [device], "packets",
        "Network device statistic receive_compressed";
    RECEIVE_DROP: Counter, "node_network_receive_drop_total", [device], "packets",
        "Network device statistic receive_drop";
    RECEIVE_ERRS: Counter, "node_network_receive_errs_total", [device], "packets",
        "Network device statistic receive_errs";
    RECEIVE_FIFO: Counter, "node_network_receive_fifo_total", [device], "packets",
        "Network device statistic receive_fifo";
    RECEIVE_FRAME: Counter, "node_network_receive_frame_total", [device], "packets",
        "Network device statistic receive_frame";
    RECEIVE_MULTICAST: Counter, "node_network_receive_multicast_total", [device], "packets",
        "Network device statistic receive_multicast";
    RECEIVE_NOHANDLER: Counter, "node_network_receive_nohandler_total", [device], "packets",
        "Network device statistic receive_nohandler";
    RECEIVE_PACKETS: Counter, "node_network_receive_packets_total", [device], "packets",
        "Network device statistic receive_packets";
    TRANSMIT_BYTES: Counter, "node_network_transmit_bytes_total", [device], "bytes",
        "Network device statistic transmit_bytes";
    TRANSMIT_CARRIER: Counter, "node_network_transmit_carrier_total", [device], "packets",
        "Network device statistic transmit_carrier";
    TRANSMIT_COLLS: Counter, "node_network_transmit_colls_total", [device], "packets",
        "Network device statistic transmit_colls";
    TRANSMIT_COMPRESSED: Counter, "node_network_transmit_compressed_total", [device], "packets",
        "Network device statistic transmit_compressed";
    TRANSMIT_DROP: Counter, "node_network_transmit_drop_total", [device], "packets",
        "Network device statistic transmit_drop";
    TRANSMIT_ERRS: Counter, "node_network_transmit_errs_total", [device], "packets",
        "Network device statistic transmit_errs";
    TRANSMIT_FIFO: Counter, "node_network_transmit_fifo_total", [device], "packets",
        "Network device statistic transmit_fifo";
    TRANSMIT_PACKETS: Counter, "node_network_transmit_packets_total", [device], "packets",
        "Network device statistic transmit_packets";
    NETWORK_KIND_INTERFACES: Gauge, "odin_network_kind_interfaces",
        [kind("bridge,veth,vlan,bond,tun,cni,other")], "interfaces",
        "Interfaces of a kind that has no series of its own";
    NETWORK_KIND_BYTES: Counter, "odin_network_kind_bytes_total",
        [kind("bridge,veth,vlan,bond,tun,cni,other"), direction("receive,transmit")], "bytes",
        "Sum over the interfaces of that kind; vanished ones stay counted";
    NETWORK_KIND_PACKETS: Counter, "odin_network_kind_packets_total",
        [kind("bridge,veth,vlan,bond,tun,cni,other"), direction("receive,transmit")], "packets",
        "As above";
    NETWORK_KIND_DROPS: Counter, "odin_network_kind_drops_total",
        [kind("bridge,veth,vlan,bond,tun,cni,other"), direction("receive,transmit")], "packets",
        "As above";
    NETWORK_KIND_ERRORS: Counter, "odin_network_kind_errors_total",
        [kind("bridge,veth,vlan,bond,tun,cni,other"), direction("receive,transmit")], "packets",
        "As above";
}
