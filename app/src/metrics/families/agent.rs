//! The agent itself: its build, its process, its scrapes.

use crate::metrics::Kind::{Counter, Gauge, Histogram, Info};

/// Bounds of scrapes' durations, in seconds.
pub static DURATIONS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

families! { "agent";
    SCRAPES: Counter, "odin_scrapes_total", [result("ok,error,timeout,aborted")], "scrapes",
        "Scrapes answered";
    SCRAPE_DURATION_SECONDS: Histogram(DURATIONS),
        "odin_scrape_duration_seconds", [], "seconds",
        "Duration of a scrape";
    HTTP_CONNECTIONS: Gauge, "odin_http_connections", [state("active,idle")], "connections",
        "Open connections";
    HTTP_REJECTED: Counter, "odin_http_rejected_total",
        [reason("evicted,timeout,too_large,auth,tls,bad_request,overload")], "connections",
        "Connections and requests turned away";
    OTLP_REQUESTS: Counter, "odin_otlp_requests_total",
        [signal("logs,metrics"), result("accepted,rejected")], "requests",
        "OTLP/HTTP requests received";
    OTLP_RECORDS: Counter, "odin_otlp_records_total",
        [signal("logs,metrics"), result("stored,duplicate,ignored,invalid")], "records",
        "Log records and data points in those requests";
    SERIES: Gauge, "odin_series", [collector], "series",
        "Series in the last page";
    SERIES_DROPPED: Counter, "odin_series_dropped_total", [collector, reason("cap,label")], "series",
        "Series left out because of a bound";
    BUILD_INFO: Info, "odin_build_info", [version, revision, target], "1",
        "The running program";
    PROCESS_CPU_SECONDS: Counter, "process_cpu_seconds_total", [], "seconds",
        "CPU time of the agent";
    PROCESS_RESIDENT_MEMORY_BYTES: Gauge, "process_resident_memory_bytes", [], "bytes",
        "Resident memory of the agent";
    PROCESS_VIRTUAL_MEMORY_BYTES: Gauge, "process_virtual_memory_bytes", [], "bytes",
        "Virtual memory of the agent";
    PROCESS_VIRTUAL_MEMORY_MAX_BYTES: Gauge, "process_virtual_memory_max_bytes", [], "bytes",
        "Limit on virtual memory; absent when unlimited";
    PROCESS_OPEN_FDS: Gauge, "process_open_fds", [], "file descriptors",
        "Open descriptors of the agent";
    PROCESS_MAX_FDS: Gauge, "process_max_fds", [], "file descriptors",
        "Soft limit on descriptors";
    PROCESS_THREADS: Gauge, "process_threads", [], "threads",
        "Threads of the agent";
    PROCESS_START_TIME_SECONDS: Gauge, "process_start_time_seconds", [], "seconds",
        "Start of the agent, Unix time";
}
