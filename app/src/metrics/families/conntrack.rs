//! Connections that the firewall keeps track of, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "conntrack";
    ENTRIES: Gauge, "node_nf_conntrack_entries", [], "entries",
        "Number of currently allocated flow entries for connection tracking";
    ENTRIES_LIMIT: Gauge, "node_nf_conntrack_entries_limit", [], "entries",
        "Maximum size of connection tracking table";
    STAT_DROP: Gauge, "node_nf_conntrack_stat_drop", [], "events",
        "Number of packets dropped due to conntrack failure";
    STAT_EARLY_DROP: Gauge, "node_nf_conntrack_stat_early_drop", [], "events",
        "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached";
    STAT_FOUND: Gauge, "node_nf_conntrack_stat_found", [], "events",
        "Number of searched entries which were successful";
    STAT_IGNORE: Gauge, "node_nf_conntrack_stat_ignore", [], "events",
        "Number of packets seen which are already connected to a conntrack entry";
    STAT_INSERT: Gauge, "node_nf_conntrack_stat_insert", [], "events",
        "Number of entries inserted into the list";
    STAT_INSERT_FAILED: Gauge, "node_nf_conntrack_stat_insert_failed", [], "events",
        "Number of entries for which list insertion was attempted but failed";
    STAT_INVALID: Gauge, "node_nf_conntrack_stat_invalid", [], "events",
        "Number of packets seen which can not be tracked";
    STAT_SEARCH_RESTART: Gauge, "node_nf_conntrack_stat_search_restart", [], "events",
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes";
}
