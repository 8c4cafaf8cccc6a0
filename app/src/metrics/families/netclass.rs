//! Network interfaces: what they are, as `node_exporter` has it and in kinds.

use crate::metrics::Kind::{Counter, Gauge, Info};

families! { "netclass";
    ADDRESS_ASSIGN_TYPE: Gauge, "node_network_address_assign_type", [device], "number",
        "Network device property: address_assign_type";
    CARRIER: Gauge, "node_network_carrier", [device], "boolean", "Network device property: carrier";
    CARRIER_CHANGES: Counter, "node_network_carrier_changes_total", [device], "changes",
        "Network device property: carrier_changes_total";
    CARRIER_DOWN_CHANGES: Counter, "node_network_carrier_down_changes_total", [device], "changes",
        "Network device property: carrier_down_changes_total";
    CARRIER_UP_CHANGES: Counter, "node_network_carrier_up_changes_total", [device], "changes",
        "Network device property: carrier_up_changes_total";
    DEVICE_ID: Gauge, "node_network_device_id", [device], "number", "Network device property: device_id";
    DORMANT: Gauge, "node_network_dormant", [device], "boolean", "Network device property: dormant";
    FLAGS: Gauge, "node_network_flags", [device], "number", "Network device property: flags";
    IFACE_ID: Gauge, "node_network_iface_id", [device], "number", "Network device property: iface_id";
    IFACE_LINK: Gauge, "node_network_iface_link", [device], "number", "Network device property: iface_link";
    IFACE_LINK_MODE: Gauge, "node_network_iface_link_mode", [device], "number",
        "Network device property: iface_link_mode";
    INFO: Gauge, "node_network_info",
        [address, adminstate, broadcast, device, duplex, ifalias, operstate], "1",
        "Non-numeric data from /sys/class/net/<iface>, value is always 1";
    MTU_BYTES: Gauge, "node_network_mtu_bytes", [device], "bytes", "Network device property: mtu_bytes";
    NAME_ASSIGN_TYPE: Gauge, "node_network_name_assign_type", [device], "number",
        "Network device property: name_assign_type";
    NET_DEV_GROUP: Gauge, "node_network_net_dev_group", [device], "number",
        "Network device property: net_dev_group";
    PROTOCOL_TYPE: Gauge, "node_network_protocol_type", [device], "number",
        "Network device property: protocol_type";
    SPEED_BYTES: Gauge, "node_network_speed_bytes", [device], "bytes per second (name of node_exporter)",
        "Network device property: speed_bytes; omitted where the driver gives -1";
    TRANSMIT_QUEUE_LENGTH: Gauge, "node_network_transmit_queue_length", [device], "packets",
        "Network device property: transmit_queue_length";
    UP: Gauge, "node_network_up", [device], "boolean", "Value is 1 if operstate is 'up', 0 otherwise";
    NETWORK_INTERFACE_INFO: Info, "odin_network_interface_info",
        [device, kind("physical,wireless,bridge,veth,vlan,bond,tun,cni,loopback,other"), driver, duplex, operstate], "1",
        "A link of the host: physical, wireless, a bond of such, loopback, or what the default route goes over";
    NETWORK_SPEED_BITS_PER_SECOND: Gauge, "odin_network_speed_bits_per_second", [device], "bits per second",
        "Link speed; absent when the driver gives none (-1, EINVAL)";
    NETWORK_CARRIER_DOWN: Counter, "odin_network_carrier_down_total", [device], "changes",
        "Losses of carrier";
}
