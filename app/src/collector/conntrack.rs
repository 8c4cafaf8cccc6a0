//! Connections that the firewall keeps track of, from `/proc/sys/net/netfilter` and `stat/nf_conntrack` of the host's
//! network: names in the first line, and a line of hexadecimal numbers a CPU.

use super::{Error, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::conntrack::{self, ENTRIES, ENTRIES_LIMIT};
use crate::metrics::families::named;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "conntrack";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    for (file, family) in [("nf_conntrack_count", &ENTRIES), ("nf_conntrack_max", &ENTRIES_LIMIT)] {
        let path = roots.proc.join("sys/net/netfilter").join(file);
        let text = read(&path)?;
        let value: u64 = text.trim().parse().map_err(|_| unexpected(&path, text.trim()))?;
        out.push(family, &[], value as f64);
    }
    let path = net(roots).join("stat/nf_conntrack");
    let text = match read(&path) {
        // A kernel may have been built without it.
        Err(Error::Absent { .. }) => return Ok(()),
        text => text?,
    };
    for (name, sum) in sums(&text).ok_or_else(|| unexpected(&path, "a line has no number for each name"))? {
        if let Some(family) = named(conntrack::ALL, "node_nf_conntrack_stat_", name, "") {
            out.push(family, &[], sum as f64);
        }
    }
    Ok(())
}

/// Of all CPUs, by name.
fn sums(text: &str) -> Option<Vec<(&str, u64)>> {
    let mut lines = text.lines();
    let mut sums: Vec<_> = lines.next()?.split_ascii_whitespace().map(|name| (name, 0)).collect();
    for line in lines {
        let mut numbers = line.split_ascii_whitespace();
        for (_, sum) in &mut sums {
            *sum += u64::from_str_radix(numbers.next()?, 16).ok()?;
        }
    }
    Some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_add_up_by_the_names_of_the_first_line() {
        let text = "entries  found drop\n00000021  0000000a 00000000\n00000021  00000001 00000002\n";
        assert_eq!(sums(text), Some(vec![("entries", 0x42), ("found", 11), ("drop", 2)]));
        assert_eq!(sums("entries found\n00000021\n"), None);
        assert_eq!(sums(""), None);
    }
}
