//! Memory of the nodes of a NUMA machine, from `/sys/devices/system/node` (kernel documentation, `admin-guide/numastat`).
//!
//! `meminfo` is that of procfs, with the node before each field; `numastat` has a name and a number of pages a line. Off
//! unless asked for: there are some forty series a node.

use super::{Error, list, meminfo, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::{meminfo_numa, named};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "meminfo_numa";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let nodes = roots.sys.join("devices/system/node");
    for folder in list(&nodes)? {
        let Some(node) = folder.strip_prefix("node").filter(|node| node.parse::<u32>().is_ok()) else {
            continue;
        };
        let mut push = |name: &str, suffix, value| {
            if let Some(family) = named(meminfo_numa::ALL, "node_memory_numa_", name, suffix) {
                out.push(family, &[node], value);
            }
        };
        let path = nodes.join(&folder).join("meminfo");
        for line in read(&path)?.lines() {
            // `Node 0 MemTotal:  1 kB`
            let field = line.splitn(3, ' ').nth(2).and_then(meminfo::parse);
            let (name, value, _) = field.ok_or_else(|| unexpected(&path, line))?;
            push(&name, "", value);
        }
        let path = nodes.join(&folder).join("numastat");
        for line in read(&path)?.lines() {
            let field =
                line.split_once(' ').and_then(|(name, pages)| Some((name, pages.parse::<u64>().ok()?)));
            let (name, pages) = field.ok_or_else(|| unexpected(&path, line))?;
            push(name, "_total", pages as f64);
        }
    }
    Ok(())
}
