//! How long tasks waited for CPU, memory and I/O, from `/proc/pressure` (kernel documentation, `accounting/psi`).
//!
//! `some` counts time in which a task waited, `full` time in which nothing else ran either. The kernel may be built
//! without it, or have it switched off; then reads fail with `EOPNOTSUPP`.

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::pressure::{
    CPU_WAITING_SECONDS, IO_STALLED_SECONDS, IO_WAITING_SECONDS, IRQ_STALLED_SECONDS, MEMORY_STALLED_SECONDS,
    MEMORY_WAITING_SECONDS,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "pressure";

/// The file, its line, and the family. Of the CPU as a whole nothing is ever stalled.
const TOTALS: [(&str, &str, &Family); 6] = [
    ("cpu", "some", &CPU_WAITING_SECONDS),
    ("memory", "some", &MEMORY_WAITING_SECONDS),
    ("memory", "full", &MEMORY_STALLED_SECONDS),
    ("io", "some", &IO_WAITING_SECONDS),
    ("io", "full", &IO_STALLED_SECONDS),
    ("irq", "full", &IRQ_STALLED_SECONDS),
];

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let folder = roots.proc.join(NAME);
    for totals in TOTALS.chunk_by(|a, b| a.0 == b.0) {
        let path = folder.join(totals[0].0);
        let text = match read(&path) {
            // Older kernels do not account for interrupts.
            Err(Error::Absent { .. }) if totals[0].0 == "irq" => continue,
            text => text?,
        };
        for (_, line, family) in totals {
            let total = total_us(&text, line).ok_or_else(|| unexpected(&path, "a total is missing"))?;
            // In two steps, as node_exporter does: the last digit is another one otherwise.
            out.push(family, &[], total as f64 / 1000.0 / 1000.0);
        }
    }
    Ok(())
}

fn total_us(text: &str, line: &str) -> Option<u64> {
    let line = text.lines().find_map(|whole| whole.strip_prefix(line))?;
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_total() {
        let text =
            "some avg10=0.18 avg60=0.34 avg300=0.10 total=159886802\nfull avg10=0.18 total=159229614\n";
        assert_eq!(total_us(text, "some"), Some(159_886_802));
        assert_eq!(total_us(text, "full"), Some(159_229_614));
        assert_eq!(total_us("some avg10=0.18\n", "some"), None);
        assert_eq!(total_us("", "full"), None);
    }
}
