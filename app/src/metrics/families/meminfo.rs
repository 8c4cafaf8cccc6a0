//! Memory, all of `/proc/meminfo`, as `node_exporter` has it.

use crate::metrics::Kind::Gauge;

families! { "meminfo";
    MEM_TOTAL_BYTES: Gauge, "node_memory_MemTotal_bytes", [], "bytes", "MemTotal of meminfo";
    MEM_FREE_BYTES: Gauge, "node_memory_MemFree_bytes", [], "bytes", "MemFree of meminfo";
    MEM_AVAILABLE_BYTES: Gauge, "node_memory_MemAvailable_bytes", [], "bytes", "MemAvailable of meminfo";
    BUFFERS_BYTES: Gauge, "node_memory_Buffers_bytes", [], "bytes", "Buffers of meminfo";
    CACHED_BYTES: Gauge, "node_memory_Cached_bytes", [], "bytes", "Cached of meminfo";
    SWAP_CACHED_BYTES: Gauge, "node_memory_SwapCached_bytes", [], "bytes", "SwapCached of meminfo";
    SWAP_TOTAL_BYTES: Gauge, "node_memory_SwapTotal_bytes", [], "bytes", "SwapTotal of meminfo";
    SWAP_FREE_BYTES: Gauge, "node_memory_SwapFree_bytes", [], "bytes", "SwapFree of meminfo";
    ACTIVE_BYTES: Gauge, "node_memory_Active_bytes", [], "bytes", "Active of meminfo";
    INACTIVE_BYTES: Gauge, "node_memory_Inactive_bytes", [], "bytes", "Inactive of meminfo";
    ANON_PAGES_BYTES: Gauge, "node_memory_AnonPages_bytes", [], "bytes", "AnonPages of meminfo";
    MAPPED_BYTES: Gauge, "node_memory_Mapped_bytes", [], "bytes", "Mapped of meminfo";
    SHMEM_BYTES: Gauge, "node_memory_Shmem_bytes", [], "bytes", "Shmem of meminfo";
    SLAB_BYTES: Gauge, "node_memory_Slab_bytes", [], "bytes", "Slab of meminfo";
    SRECLAIMABLE_BYTES: Gauge, "node_memory_SReclaimable_bytes", [], "bytes", "SReclaimable of meminfo";
    SUNRECLAIM_BYTES: Gauge, "node_memory_SUnreclaim_bytes", [], "bytes", "SUnreclaim of meminfo";
    KERNEL_STACK_BYTES: Gauge, "node_memory_KernelStack_bytes", [], "bytes", "KernelStack of meminfo";
    PAGE_TABLES_BYTES: Gauge, "node_memory_PageTables_bytes", [], "bytes", "PageTables of meminfo";
    PERCPU_BYTES: Gauge, "node_memory_Percpu_bytes", [], "bytes", "Percpu of meminfo";
    DIRTY_BYTES: Gauge, "node_memory_Dirty_bytes", [], "bytes", "Dirty of meminfo";
    WRITEBACK_BYTES: Gauge, "node_memory_Writeback_bytes", [], "bytes", "Writeback of meminfo";
    COMMIT_LIMIT_BYTES: Gauge, "node_memory_CommitLimit_bytes", [], "bytes", "CommitLimit of meminfo";
    COMMITTED_AS_BYTES: Gauge, "node_memory_Committed_AS_bytes", [], "bytes", "Committed_AS of meminfo";
    ANON_HUGE_PAGES_BYTES: Gauge, "node_memory_AnonHugePages_bytes", [], "bytes", "AnonHugePages of meminfo";
    HARDWARE_CORRUPTED_BYTES: Gauge, "node_memory_HardwareCorrupted_bytes", [], "bytes",
        "HardwareCorrupted of meminfo";
    UNEVICTABLE_BYTES: Gauge, "node_memory_Unevictable_bytes", [], "bytes", "Unevictable of meminfo";
    MLOCKED_BYTES: Gauge, "node_memory_Mlocked_bytes", [], "bytes", "Mlocked of meminfo";
    HUGEPAGESIZE_BYTES: Gauge, "node_memory_Hugepagesize_bytes", [], "bytes", "Hugepagesize of meminfo";
    HUGE_PAGES_TOTAL: Gauge, "node_memory_HugePages_Total", [], "pages", "HugePages_Total of meminfo";
    HUGE_PAGES_FREE: Gauge, "node_memory_HugePages_Free", [], "pages", "HugePages_Free of meminfo";
    HUGE_PAGES_RSVD: Gauge, "node_memory_HugePages_Rsvd", [], "pages", "HugePages_Rsvd of meminfo";
    HUGE_PAGES_SURP: Gauge, "node_memory_HugePages_Surp", [], "pages", "HugePages_Surp of meminfo";
    ACTIVE_ANON_BYTES: Gauge, "node_memory_Active_anon_bytes", [], "bytes", "Active_anon of meminfo";
    INACTIVE_ANON_BYTES: Gauge, "node_memory_Inactive_anon_bytes", [], "bytes", "Inactive_anon of meminfo";
    ACTIVE_FILE_BYTES: Gauge, "node_memory_Active_file_bytes", [], "bytes", "Active_file of meminfo";
    INACTIVE_FILE_BYTES: Gauge, "node_memory_Inactive_file_bytes", [], "bytes", "Inactive_file of meminfo";
    HIGH_TOTAL_BYTES: Gauge, "node_memory_HighTotal_bytes", [], "bytes", "HighTotal of meminfo";
    HIGH_FREE_BYTES: Gauge, "node_memory_HighFree_bytes", [], "bytes", "HighFree of meminfo";
    LOW_TOTAL_BYTES: Gauge, "node_memory_LowTotal_bytes", [], "bytes", "LowTotal of meminfo";
    LOW_FREE_BYTES: Gauge, "node_memory_LowFree_bytes", [], "bytes", "LowFree of meminfo";
    MMAP_COPY_BYTES: Gauge, "node_memory_MmapCopy_bytes", [], "bytes", "MmapCopy of meminfo";
    ZSWAP_BYTES: Gauge, "node_memory_Zswap_bytes", [], "bytes", "Zswap of meminfo";
    ZSWAPPED_BYTES: Gauge, "node_memory_Zswapped_bytes", [], "bytes", "Zswapped of meminfo";
    KRECLAIMABLE_BYTES: Gauge, "node_memory_KReclaimable_bytes", [], "bytes", "KReclaimable of meminfo";
    SHADOW_CALL_STACK_BYTES: Gauge, "node_memory_ShadowCallStack_bytes", [], "bytes",
        "ShadowCallStack of meminfo";
    SEC_PAGE_TABLES_BYTES: Gauge, "node_memory_SecPageTables_bytes", [], "bytes", "SecPageTables of meminfo";
    NFS_UNSTABLE_BYTES: Gauge, "node_memory_NFS_Unstable_bytes", [], "bytes", "NFS_Unstable of meminfo";
    BOUNCE_BYTES: Gauge, "node_memory_Bounce_bytes", [], "bytes", "Bounce of meminfo";
    WRITEBACK_TMP_BYTES: Gauge, "node_memory_WritebackTmp_bytes", [], "bytes", "WritebackTmp of meminfo";
    VMALLOC_TOTAL_BYTES: Gauge, "node_memory_VmallocTotal_bytes", [], "bytes", "VmallocTotal of meminfo";
    VMALLOC_USED_BYTES: Gauge, "node_memory_VmallocUsed_bytes", [], "bytes", "VmallocUsed of meminfo";
    VMALLOC_CHUNK_BYTES: Gauge, "node_memory_VmallocChunk_bytes", [], "bytes", "VmallocChunk of meminfo";
    EARLY_MEMTEST_BAD_BYTES: Gauge, "node_memory_EarlyMemtestBad_bytes", [], "bytes",
        "EarlyMemtestBad of meminfo";
    SHMEM_HUGE_PAGES_BYTES: Gauge, "node_memory_ShmemHugePages_bytes", [], "bytes",
        "ShmemHugePages of meminfo";
    SHMEM_PMD_MAPPED_BYTES: Gauge, "node_memory_ShmemPmdMapped_bytes", [], "bytes",
        "ShmemPmdMapped of meminfo";
    FILE_HUGE_PAGES_BYTES: Gauge, "node_memory_FileHugePages_bytes", [], "bytes", "FileHugePages of meminfo";
    FILE_PMD_MAPPED_BYTES: Gauge, "node_memory_FilePmdMapped_bytes", [], "bytes", "FilePmdMapped of meminfo";
    CMA_TOTAL_BYTES: Gauge, "node_memory_CmaTotal_bytes", [], "bytes", "CmaTotal of meminfo";
    CMA_FREE_BYTES: Gauge, "node_memory_CmaFree_bytes", [], "bytes", "CmaFree of meminfo";
    UNACCEPTED_BYTES: Gauge, "node_memory_Unaccepted_bytes", [], "bytes", "Unaccepted of meminfo";
    BALLOON_BYTES: Gauge, "node_memory_Balloon_bytes", [], "bytes", "Balloon of meminfo";
    GPUACTIVE_BYTES: Gauge, "node_memory_GPUActive_bytes", [], "bytes", "GPUActive of meminfo";
    GPURECLAIM_BYTES: Gauge, "node_memory_GPUReclaim_bytes", [], "bytes", "GPUReclaim of meminfo";
    HUGETLB_BYTES: Gauge, "node_memory_Hugetlb_bytes", [], "bytes", "Hugetlb of meminfo";
    DIRECT_MAP4K_BYTES: Gauge, "node_memory_DirectMap4k_bytes", [], "bytes", "DirectMap4k of meminfo";
    DIRECT_MAP2_M_BYTES: Gauge, "node_memory_DirectMap2M_bytes", [], "bytes", "DirectMap2M of meminfo";
    DIRECT_MAP4_M_BYTES: Gauge, "node_memory_DirectMap4M_bytes", [], "bytes", "DirectMap4M of meminfo";
    DIRECT_MAP1_G_BYTES: Gauge, "node_memory_DirectMap1G_bytes", [], "bytes", "DirectMap1G of meminfo";
}
