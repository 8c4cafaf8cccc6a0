//! Faults, swapping and kills for want of memory, from `/proc/vmstat`: a name and a number a line.

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::{named, vmstat};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "vmstat";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join(NAME);
    let text = read(&path)?;
    for line in text.lines() {
        let parts = line.split_once(' ');
        let Some(family) = parts.and_then(|(name, _)| named(vmstat::ALL, "node_vmstat_", name, "")) else {
            continue;
        };
        let value = parts.and_then(|(_, value)| value.parse::<u64>().ok());
        out.push(family, &[], value.ok_or_else(|| unexpected(&path, line))? as f64);
    }
    Ok(())
}
