//! How long tasks waited, as `node_exporter` has it.

use crate::metrics::Kind::Counter;

families! { "pressure";
    CPU_WAITING_SECONDS: Counter, "node_pressure_cpu_waiting_seconds_total", [], "seconds",
        "Total time in seconds that processes have waited for CPU time";
    MEMORY_WAITING_SECONDS: Counter, "node_pressure_memory_waiting_seconds_total", [], "seconds",
        "Total time in seconds that processes have waited for memory";
    MEMORY_STALLED_SECONDS: Counter, "node_pressure_memory_stalled_seconds_total", [], "seconds",
        "Total time in seconds no process could make progress due to memory congestion";
    IO_WAITING_SECONDS: Counter, "node_pressure_io_waiting_seconds_total", [], "seconds",
        "Total time in seconds that processes have waited due to IO congestion";
    IO_STALLED_SECONDS: Counter, "node_pressure_io_stalled_seconds_total", [], "seconds",
        "Total time in seconds no process could make progress due to IO congestion";
    IRQ_STALLED_SECONDS: Counter, "node_pressure_irq_stalled_seconds_total", [], "seconds",
        "Total time in seconds no process could make progress due to IRQ congestion";
}
