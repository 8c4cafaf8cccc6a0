//! File systems, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "filesystem";
    SIZE_BYTES: Gauge, "node_filesystem_size_bytes", [device, mountpoint, fstype, device_error], "bytes",
        "Filesystem size";
    FREE_BYTES: Gauge, "node_filesystem_free_bytes", [device, mountpoint, fstype, device_error], "bytes",
        "Free space";
    AVAIL_BYTES: Gauge, "node_filesystem_avail_bytes", [device, mountpoint, fstype, device_error], "bytes",
        "Space available to non-root users";
    FILES: Gauge, "node_filesystem_files", [device, mountpoint, fstype, device_error], "inodes",
        "Total file nodes";
    FILES_FREE: Gauge, "node_filesystem_files_free", [device, mountpoint, fstype, device_error], "inodes",
        "Free file nodes";
    READONLY: Gauge, "node_filesystem_readonly", [device, mountpoint, fstype, device_error], "boolean",
        "1 when mounted read-only";
    DEVICE_ERROR: Gauge, "node_filesystem_device_error",
        [device, mountpoint, fstype, device_error], "boolean",
        "1 when statfs failed or timed out; own thread and deadline per mount";
}
