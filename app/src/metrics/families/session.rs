//! Live sessions: what they cost, and the trees of their processes.

use crate::metrics::Kind::{Counter, Gauge, Info};

families! { "session";
    INFO: Info, "odin_session_info", [session, project, entrypoint, version], "1",
        "A live session; full paths hashed unless allowed; sessions: at most 64 live, an ended one is kept \
         5 minutes";
    PROCESSES: Gauge, "odin_session_processes",
        [session, kind("claude,node,shell,mcp,lsp,vcs,compiler,browser,python,other")], "processes",
        "Processes of the session's tree";
    CPU_SECONDS: Counter, "odin_session_cpu_seconds_total", [session, mode("user,system")], "seconds",
        "CPU time of the tree; exited members stay counted";
    CGROUP_CPU_SECONDS: Counter, "odin_session_cgroup_cpu_seconds_total", [session], "seconds",
        "Exact CPU time, where the root has its own systemd scope";
    MEMORY_BYTES: Gauge, "odin_session_memory_bytes", [session, type("rss,pss,swap")], "bytes",
        "Memory of the tree; pss by opt-in";
    IO_BYTES: Counter, "odin_session_io_bytes_total", [session, op("read,write")], "bytes",
        "Storage I/O of the tree; absent when denied";
    THREADS: Gauge, "odin_session_threads", [session], "threads",
        "Threads of the tree";
    OPEN_FDS: Gauge, "odin_session_open_fds", [session], "file descriptors",
        "Open file descriptors of the tree; absent when denied";
    WORST_FD_RATIO: Gauge, "odin_session_worst_fd_ratio", [session], "ratio",
        "Highest open descriptors / soft limit among the tree's processes; absent when denied";
    OLDEST_START_TIMESTAMP_SECONDS: Gauge, "odin_session_oldest_start_timestamp_seconds",
        [session], "seconds",
        "Start of the tree's oldest process";
    CONTEXT_SWITCHES: Counter, "odin_session_context_switches_total", [session], "switches",
        "Context switches of the tree";
    PAGE_FAULTS: Counter, "odin_session_page_faults_total", [session, kind("major,minor")], "faults",
        "Page faults of the tree";
    SPAWNED_PROCESSES: Counter, "odin_session_spawned_processes_total", [session], "processes",
        "Processes the session was seen to start";
    TCP_SOCKETS: Gauge, "odin_session_tcp_sockets",
        [session, state("established,syn_sent,syn_recv,fin_wait1,fin_wait2,time_wait,close,close_wait,last_ack,\
                         listen,closing")], "sockets",
        "TCP sockets held by the tree";
    GPU_MEMORY_BYTES: Gauge, "odin_session_gpu_memory_bytes", [session], "bytes",
        "GPU memory of the tree's processes";
    GPU_SM_RATIO: Gauge, "odin_session_gpu_sm_ratio", [session], "ratio",
        "SM use of the tree's processes";
    ENERGY_JOULES_ESTIMATED: Counter, "odin_session_energy_joules_estimated_total",
        [session, model("cpu_time_share")], "joules",
        "Estimate: package energy by share of CPU time; off by default; \"model\" is the method of \
         attribution";
    COST_USD: Counter, "odin_session_cost_usd_total", [session], "USD",
        "Priced cost of a live session, subagents included";
    TOKENS: Counter, "odin_session_tokens_total", [session], "tokens",
        "All tokens of a live session, subagents included";
    LAST_RESPONSE_TIMESTAMP_SECONDS: Gauge, "odin_session_last_response_timestamp_seconds",
        [session], "seconds",
        "Time of the last response of a live session";
    LAST_PROMPT_TIMESTAMP_SECONDS: Gauge, "odin_session_last_prompt_timestamp_seconds", [session], "seconds",
        "Time of the last prompt typed by a person; tool results and task notices are not prompts";
    LAST_WRITE_TIMESTAMP_SECONDS: Gauge, "odin_session_last_write_timestamp_seconds", [session], "seconds",
        "Last growth of the session's transcripts";
}
