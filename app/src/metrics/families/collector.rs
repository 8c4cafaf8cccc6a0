//! How each collector fares. They tell of the collectors that a scrape asks for, and so are in every page.

use crate::metrics::Kind::{Counter, Gauge};

families! { super::FRAME;
    UP: Gauge, "odin_collector_up", [collector], "boolean",
        "1 ok, 0 failed this time; absent hardware is not 0";
    SUPPORTED: Gauge, "odin_collector_supported", [collector], "boolean",
        "0 when the source is not on this host";
    DURATION_SECONDS: Gauge, "odin_collector_duration_seconds", [collector], "seconds",
        "Duration of the last run";
    LAST_SUCCESS_TIMESTAMP_SECONDS: Gauge, "odin_collector_last_success_timestamp_seconds",
        [collector], "seconds",
        "Last good run: the age of cached data";
    STUCK_SECONDS: Gauge, "odin_collector_stuck_seconds", [collector], "seconds",
        "How long the running call is past its deadline; 0 when none is";
    ERRORS: Counter, "odin_collector_errors_total",
        [collector, kind("io,perm,parse,timeout,unsupported_new,driver")], "errors",
        "Failures by kind";
}
