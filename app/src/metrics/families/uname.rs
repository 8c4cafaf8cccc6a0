//! The kernel's names, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "uname";
    UNAME_INFO: Gauge, "node_uname_info", [sysname, release, version, machine, nodename, domainname], "1",
        "Labelled system information as provided by the uname system call; dashboards of node_exporter pick hosts by it";
}
