//! NVMe drives, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "nvme";
    INFO: Gauge, "node_nvme_info", [cntlid, device, firmware_revision, model, serial, state], "1",
        "Non-numeric data from /sys/class/nvme/<device>, value is always 1";
    NAMESPACE_CAPACITY_BYTES: Gauge, "node_nvme_namespace_capacity_bytes", [device, nsid], "bytes",
        "Capacity of the NVMe namespace in bytes. Computed as namespace_size * namespace_logical_block_size";
    NAMESPACE_INFO: Gauge, "node_nvme_namespace_info", [ana_state, device, nsid], "1",
        "Information about NVMe namespaces. Value is always 1";
    NAMESPACE_LOGICAL_BLOCK_SIZE_BYTES: Gauge, "node_nvme_namespace_logical_block_size_bytes",
        [device, nsid], "bytes",
        "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in /sys/class/nvme/<device>/<namespace>/queue/logical_block_size";
    NAMESPACE_SIZE_BYTES: Gauge, "node_nvme_namespace_size_bytes", [device, nsid], "bytes",
        "Size of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/size";
    NAMESPACE_USED_BYTES: Gauge, "node_nvme_namespace_used_bytes", [device, nsid], "bytes",
        "Used space of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/nuse";
}
