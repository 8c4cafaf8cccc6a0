//! Disks, as `node_exporter` has them.

use crate::metrics::Kind::{Counter, Gauge};

families! { "diskstats";
    ATA_ROTATION_RATE_RPM: Gauge, "node_disk_ata_rotation_rate_rpm", [device], "rpm",
        "ATA disk rotation rate in RPMs (0 for SSDs)";
    ATA_WRITE_CACHE: Gauge, "node_disk_ata_write_cache", [device], "boolean", "ATA disk has a write cache";
    ATA_WRITE_CACHE_ENABLED: Gauge, "node_disk_ata_write_cache_enabled", [device], "boolean",
        "ATA disk has its write cache enabled";
    DEVICE_MAPPER_INFO: Gauge, "node_disk_device_mapper_info",
        [device, lv_layer, lv_name, name, uuid, vg_name], "1",
        "Info about disk device mapper";
    DISCARD_TIME_SECONDS: Counter, "node_disk_discard_time_seconds_total", [device], "seconds",
        "This is the total number of seconds spent by all discards";
    DISCARDED_SECTORS: Counter, "node_disk_discarded_sectors_total", [device], "sectors",
        "The total number of sectors discarded successfully";
    DISCARDS_COMPLETED: Counter, "node_disk_discards_completed_total", [device], "requests",
        "The total number of discards completed successfully";
    DISCARDS_MERGED: Counter, "node_disk_discards_merged_total", [device], "requests",
        "The total number of discards merged";
    FILESYSTEM_INFO: Gauge, "node_disk_filesystem_info", [device, type, usage, uuid, version], "1",
        "Info about disk filesystem";
    FLUSH_REQUESTS_TIME_SECONDS: Counter, "node_disk_flush_requests_time_seconds_total", [device], "seconds",
        "This is the total number of seconds spent by all flush requests";
    FLUSH_REQUESTS: Counter, "node_disk_flush_requests_total", [device], "requests",
        "The total number of flush requests completed successfully";
    INFO: Gauge, "node_disk_info",
        [device, major, minor, model, path, revision, rotational, serial, wwn], "1",
        "Info of /sys/block/<block_device>";
    IO_NOW: Gauge, "node_disk_io_now", [device], "requests", "The number of I/Os currently in progress";
    IO_TIME_SECONDS: Counter, "node_disk_io_time_seconds_total", [device], "seconds",
        "Total seconds spent doing I/Os";
    IO_TIME_WEIGHTED_SECONDS: Counter, "node_disk_io_time_weighted_seconds_total", [device], "seconds",
        "The weighted # of seconds spent doing I/Os";
    READ_BYTES: Counter, "node_disk_read_bytes_total", [device], "bytes",
        "The total number of bytes read successfully";
    READ_TIME_SECONDS: Counter, "node_disk_read_time_seconds_total", [device], "seconds",
        "The total number of seconds spent by all reads";
    READS_COMPLETED: Counter, "node_disk_reads_completed_total", [device], "requests",
        "The total number of reads completed successfully";
    READS_MERGED: Counter, "node_disk_reads_merged_total", [device], "requests",
        "The total number of reads merged";
    WRITE_TIME_SECONDS: Counter, "node_disk_write_time_seconds_total", [device], "seconds",
        "This is the total number of seconds spent by all writes";
    WRITES_COMPLETED: Counter, "node_disk_writes_completed_total", [device], "requests",
        "The total number of writes completed successfully";
    WRITES_MERGED: Counter, "node_disk_writes_merged_total", [device], "requests",
        "The number of writes merged";
    WRITTEN_BYTES: Counter, "node_disk_written_bytes_total", [device], "bytes",
        "The total number of bytes written successfully";
}
