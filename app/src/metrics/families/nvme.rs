//! Drives on NVM Express, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "nvme";
    NVME_INFO: Gauge, "node_nvme_info", [cntlid, device, firmware_revision, model, serial, state], "1",
        "Non-numeric data from /sys/class/nvme/<device>, value is always 1";
}
