//! The ledger itself.

use crate::metrics::Kind::{Counter, Gauge};

families! { "ledger";
    SIZE_BYTES: Gauge, "odin_ledger_size_bytes", [file("db,wal,spool")], "bytes",
        "Size on disk";
    ERRORS: Counter, "odin_ledger_errors_total", [kind("busy,io,full,corrupt,other")], "errors",
        "Failed ledger operations; busy only after the wait ran out";
    LAST_COMMIT_TIMESTAMP_SECONDS: Gauge, "odin_ledger_last_commit_timestamp_seconds", [], "seconds",
        "Last committed transaction";
}
