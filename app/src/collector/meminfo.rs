//! Memory, from `/proc/meminfo`.
//!
//! A field a line, in KiB or in pages of their own size (`proc_meminfo(5)`). Fields that a kernel newer than the table
//! of families has are left out.

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::{meminfo, named};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "meminfo";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join(NAME);
    let text = read(&path)?;
    for line in text.lines() {
        let (name, value, suffix) = parse(line).ok_or_else(|| unexpected(&path, line))?;
        if let Some(family) = named(meminfo::ALL, "node_memory_", &name, suffix) {
            out.push(family, &[], value);
        }
    }
    Ok(())
}

/// The field as `node_exporter` writes it, its value, and what names of its unit end in.
pub(super) fn parse(line: &str) -> Option<(String, f64, &'static str)> {
    let (name, rest) = line.split_once(':')?;
    let name = name.replace('(', "_").replace(')', "");
    let mut words = rest.split_ascii_whitespace();
    let value: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => Some((name, value.saturating_mul(1024) as f64, "_bytes")),
        None => Some((name, value as f64, "")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_unit_in_their_name() {
        for (line, expected) in [
            ("MemTotal:        3742148 kB", Some(("MemTotal", 3_831_959_552.0, "_bytes"))),
            ("Active(anon):    2020004 kB", Some(("Active_anon", 2_068_484_096.0, "_bytes"))),
            ("HugePages_Total:       7", Some(("HugePages_Total", 7.0, ""))),
            ("HugePages_Total:       7 MB", None),
            ("MemTotal: -1 kB", None),
            ("MemTotal", None),
        ] {
            assert_eq!(
                parse(line),
                expected.map(|(name, value, suffix)| (name.into(), value, suffix)),
                "{line}"
            );
        }
    }
}
