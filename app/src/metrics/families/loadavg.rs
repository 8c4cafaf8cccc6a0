//! Load averages, as `node_exporter` has them.

use crate::metrics::Kind::Gauge;

families! { "loadavg";
    LOAD1: Gauge, "node_load1", [], "load", "1m load average";
    LOAD5: Gauge, "node_load5", [], "load", "5m load average";
    LOAD15: Gauge, "node_load15", [], "load", "15m load average";
}
