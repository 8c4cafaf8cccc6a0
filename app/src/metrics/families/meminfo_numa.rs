//! Memory of the nodes of a NUMA machine, as `node_exporter` has it.

use crate::metrics::Kind::{Counter, Gauge};

families! { "meminfo_numa";
    MEM_TOTAL: Gauge, "node_memory_numa_MemTotal", [node], "bytes",
        "Memory information field MemTotal; opt-in";
    MEM_FREE: Gauge, "node_memory_numa_MemFree", [node], "bytes", "Memory information field MemFree; opt-in";
    MEM_USED: Gauge, "node_memory_numa_MemUsed", [node], "bytes", "Memory information field MemUsed; opt-in";
    SWAP_CACHED: Gauge, "node_memory_numa_SwapCached", [node], "bytes",
        "Memory information field SwapCached; opt-in";
    ACTIVE: Gauge, "node_memory_numa_Active", [node], "bytes", "Memory information field Active; opt-in";
    INACTIVE: Gauge, "node_memory_numa_Inactive", [node], "bytes",
        "Memory information field Inactive; opt-in";
    ACTIVE_ANON: Gauge, "node_memory_numa_Active_anon", [node], "bytes",
        "Memory information field Active_anon; opt-in";
    INACTIVE_ANON: Gauge, "node_memory_numa_Inactive_anon", [node], "bytes",
        "Memory information field Inactive_anon; opt-in";
    ACTIVE_FILE: Gauge, "node_memory_numa_Active_file", [node], "bytes",
        "Memory information field Active_file; opt-in";
    INACTIVE_FILE: Gauge, "node_memory_numa_Inactive_file", [node], "bytes",
        "Memory information field Inactive_file; opt-in";
    UNEVICTABLE: Gauge, "node_memory_numa_Unevictable", [node], "bytes",
        "Memory information field Unevictable; opt-in";
    MLOCKED: Gauge, "node_memory_numa_Mlocked", [node], "bytes", "Memory information field Mlocked; opt-in";
    DIRTY: Gauge, "node_memory_numa_Dirty", [node], "bytes", "Memory information field Dirty; opt-in";
    WRITEBACK: Gauge, "node_memory_numa_Writeback", [node], "bytes",
        "Memory information field Writeback; opt-in";
    FILE_PAGES: Gauge, "node_memory_numa_FilePages", [node], "bytes",
        "Memory information field FilePages; opt-in";
    MAPPED: Gauge, "node_memory_numa_Mapped", [node], "bytes", "Memory information field Mapped; opt-in";
    ANON_PAGES: Gauge, "node_memory_numa_AnonPages", [node], "bytes",
        "Memory information field AnonPages; opt-in";
    SHMEM: Gauge, "node_memory_numa_Shmem", [node], "bytes", "Memory information field Shmem; opt-in";
    KERNEL_STACK: Gauge, "node_memory_numa_KernelStack", [node], "bytes",
        "Memory information field KernelStack; opt-in";
    SHADOW_CALL_STACK: Gauge, "node_memory_numa_ShadowCallStack", [node], "bytes",
        "Memory information field ShadowCallStack; opt-in";
    PAGE_TABLES: Gauge, "node_memory_numa_PageTables", [node], "bytes",
        "Memory information field PageTables; opt-in";
    SEC_PAGE_TABLES: Gauge, "node_memory_numa_SecPageTables", [node], "bytes",
        "Memory information field SecPageTables; opt-in";
    NFS_UNSTABLE: Gauge, "node_memory_numa_NFS_Unstable", [node], "bytes",
        "Memory information field NFS_Unstable; opt-in";
    BOUNCE: Gauge, "node_memory_numa_Bounce", [node], "bytes", "Memory information field Bounce; opt-in";
    WRITEBACK_TMP: Gauge, "node_memory_numa_WritebackTmp", [node], "bytes",
        "Memory information field WritebackTmp; opt-in";
    KRECLAIMABLE: Gauge, "node_memory_numa_KReclaimable", [node], "bytes",
        "Memory information field KReclaimable; opt-in";
    SLAB: Gauge, "node_memory_numa_Slab", [node], "bytes", "Memory information field Slab; opt-in";
    SRECLAIMABLE: Gauge, "node_memory_numa_SReclaimable", [node], "bytes",
        "Memory information field SReclaimable; opt-in";
    SUNRECLAIM: Gauge, "node_memory_numa_SUnreclaim", [node], "bytes",
        "Memory information field SUnreclaim; opt-in";
    ANON_HUGE_PAGES: Gauge, "node_memory_numa_AnonHugePages", [node], "bytes",
        "Memory information field AnonHugePages; opt-in";
    SHMEM_HUGE_PAGES: Gauge, "node_memory_numa_ShmemHugePages", [node], "bytes",
        "Memory information field ShmemHugePages; opt-in";
    SHMEM_PMD_MAPPED: Gauge, "node_memory_numa_ShmemPmdMapped", [node], "bytes",
        "Memory information field ShmemPmdMapped; opt-in";
    FILE_HUGE_PAGES: Gauge, "node_memory_numa_FileHugePages", [node], "bytes",
        "Memory information field FileHugePages; opt-in";
    FILE_PMD_MAPPED: Gauge, "node_memory_numa_FilePmdMapped", [node], "bytes",
        "Memory information field FilePmdMapped; opt-in";
    UNACCEPTED: Gauge, "node_memory_numa_Unaccepted", [node], "bytes",
        "Memory information field Unaccepted; opt-in";
    HUGE_PAGES_TOTAL: Gauge, "node_memory_numa_HugePages_Total", [node], "pages",
        "Memory information field HugePages_Total; opt-in";
    HUGE_PAGES_FREE: Gauge, "node_memory_numa_HugePages_Free", [node], "pages",
        "Memory information field HugePages_Free; opt-in";
    HUGE_PAGES_SURP: Gauge, "node_memory_numa_HugePages_Surp", [node], "pages",
        "Memory information field HugePages_Surp; opt-in";
    NUMA_HIT: Counter, "node_memory_numa_numa_hit_total", [node], "pages",
        "Memory information field numa_hit_total; opt-in";
    NUMA_MISS: Counter, "node_memory_numa_numa_miss_total", [node], "pages",
        "Memory information field numa_miss_total; opt-in";
    NUMA_FOREIGN: Counter, "node_memory_numa_numa_foreign_total", [node], "pages",
        "Memory information field numa_foreign_total; opt-in";
    INTERLEAVE_HIT: Counter, "node_memory_numa_interleave_hit_total", [node], "pages",
        "Memory information field interleave_hit_total; opt-in";
    LOCAL_NODE: Counter, "node_memory_numa_local_node_total", [node], "pages",
        "Memory information field local_node_total; opt-in";
    OTHER_NODE: Counter, "node_memory_numa_other_node_total", [node], "pages",
        "Memory information field other_node_total; opt-in";
}
