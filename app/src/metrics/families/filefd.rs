//! Open files of the host, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "filefd";
    ALLOCATED: Gauge, "node_filefd_allocated", [], "file descriptors",
        "File descriptor statistics: allocated";
    MAXIMUM: Gauge, "node_filefd_maximum", [], "file descriptors", "File descriptor statistics: maximum";
}
