//! Virtual memory at work, as `node_exporter` has it by default.

use crate::metrics::Kind::Untyped;

families! { "vmstat";
    OOM_KILL: Untyped, "node_vmstat_oom_kill", [], "kills", "oom_kill of vmstat";
    PGFAULT: Untyped, "node_vmstat_pgfault", [], "faults", "pgfault of vmstat";
    PGMAJFAULT: Untyped, "node_vmstat_pgmajfault", [], "faults", "pgmajfault of vmstat";
    PGPGIN: Untyped, "node_vmstat_pgpgin", [], "KiB", "pgpgin of vmstat";
    PGPGOUT: Untyped, "node_vmstat_pgpgout", [], "KiB", "pgpgout of vmstat";
    PSWPIN: Untyped, "node_vmstat_pswpin", [], "pages", "pswpin of vmstat";
    PSWPOUT: Untyped, "node_vmstat_pswpout", [], "pages", "pswpout of vmstat";
}
