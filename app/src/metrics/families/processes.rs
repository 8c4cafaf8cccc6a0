//! All processes of the host, by state and by the name of their command.

use crate::metrics::Kind::{Counter, Gauge};

families! { "processes";
    PROCESSES: Gauge, "odin_processes", [state("R,S,D,Z,T,I,other")], "processes",
        "Processes by state";
    THREADS: Gauge, "odin_threads", [], "threads", "Threads on the host";
    PIDS_MAX: Gauge, "odin_pids_max", [], "processes", "Kernel limit on process ids";
    PROCESS_GROUP_PROCESSES: Gauge, "odin_process_group_processes", [group], "processes",
        "Processes by normalised command name; at most 20 groups keep their series, rest \"other\"";
    PROCESS_GROUP_CPU_SECONDS: Counter, "odin_process_group_cpu_seconds_total",
        [group, mode("user,system")], "seconds",
        "CPU time of a group; exited members stay counted";
    PROCESS_GROUP_MEMORY_BYTES: Gauge, "odin_process_group_memory_bytes", [group, type("rss,swap")], "bytes",
        "Memory of a group";
    PROCESS_GROUP_IO_BYTES: Counter, "odin_process_group_io_bytes_total", [group, op("read,write")], "bytes",
        "Storage I/O of a group; absent when denied";
}
